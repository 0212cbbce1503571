"""Action: a labelled memory, the search in it, and its segments as sound."""
