"""The version of localqwq, which needs no other module."""

__version__ = "0.1.0"
