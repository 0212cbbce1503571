"""Decision: which labels to answer with, given those heard and those really played."""
