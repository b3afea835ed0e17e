"""Small programs that show how localqwq is used; each runs offline with the built-in model."""
