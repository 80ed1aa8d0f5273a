"""The shapes that training data come in, one kind a file; `table` says which fits the columns of a row."""
