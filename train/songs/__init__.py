"""Training songs: stems with notes, rendered from scores or taken from recordings."""
