"""The music: session, state, repertoire and controls. No clock, no thread, no input or output."""
