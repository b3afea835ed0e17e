"""What the screen for loading a model by hand consists of."""
