"""What a model is, read from its header alone."""
