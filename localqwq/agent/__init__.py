"""Models that call tools: the loop, permissions, built-in tools and the sandbox they run in."""
