"""The chat without a screen: line by line, for screen readers and for terminals that only print."""
