"""Makes songs to learn from: stems with notes, rendered from scores or taken from recordings."""
