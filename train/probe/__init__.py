"""What the encoder's features and tokens say about notes and chords."""
