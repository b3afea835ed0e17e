"""The version of localqwq; imports nothing."""

__version__ = "0.1.0"
