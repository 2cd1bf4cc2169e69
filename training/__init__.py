"""Corpus grammar, vocabulary and the one command that trains the shipped language model: `python -m training`."""
