"""Records of a performance: session log, recordings, and the replay of a log."""
