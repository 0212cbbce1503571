"""From data to models: rendering, training, evaluation."""
