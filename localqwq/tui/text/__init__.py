"""How Markdown, formulas and copies are made of the text of answers."""
