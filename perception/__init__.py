"""Hearing: audio in, one token per hop out."""
