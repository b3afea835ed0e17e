"""Markdown, formulas, and copying the text of answers."""
