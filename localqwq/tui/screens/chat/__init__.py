"""The chat screen, and beside it the parts that draw, send and run commands."""
