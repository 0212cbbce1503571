"""The music: session, state, repertoire and controls, without clock, thread, input or output."""
