"""How well two sounds fit: the live meter with its worker process, and scores of files."""
