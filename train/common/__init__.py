"""What all recipes share: settings as flags, runs that resume, errors, progress and tables."""
