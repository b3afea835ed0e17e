"""localqwq: QwQ-32B and its relatives on a person's own computer."""

__version__ = "0.1.0"
