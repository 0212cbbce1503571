"""Evaluations of finished models: re-generation in labels and in sound, coherence, and best of n."""
