"""Markdown as lines of text, laid out once and for good while it grows."""
