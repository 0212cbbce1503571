"""Shared by all recipes: settings as flags, runs that resume, errors, progress and tables."""
