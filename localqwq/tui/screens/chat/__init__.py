"""The chat: a screen, and beside it the parts that draw, send and carry out commands."""
