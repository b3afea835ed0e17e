"""The text of files that people attach to a prompt."""
