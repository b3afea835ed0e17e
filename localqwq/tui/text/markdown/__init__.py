"""Markdown as lines of text, laid out once while it grows."""
