"""Checkpoints of the official COCOLA code, converted without executing their pickles."""
