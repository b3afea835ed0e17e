"""Plain mode: the chat line by line, for screen readers and terminals that only print."""
