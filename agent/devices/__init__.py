"""Sound and MIDI devices, and the latency they add."""
