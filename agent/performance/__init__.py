"""The music: session, state, repertoire and controls, without clock, thread, device or file."""
