"""Probes of notes and chords in the encoder's features and tokens."""
