"""Documents: the text of files that people put beside a prompt."""
