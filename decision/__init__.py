"""Decision: the labels of the answer, given those of the input and those really played."""
