"""Recorded memories: audio files in and out, the corpus format, and how a corpus is built."""
