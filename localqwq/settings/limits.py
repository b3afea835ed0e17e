"""Limits of what can be set for loading a model, for settings and options alike."""

MOST_THREADS = 512
"""Threads on the processor."""
MOST_BATCH = 65_536
"""Tokens of one decode."""
MOST_PARALLEL = 256
"""Requests that are computed at the same time, as many sequences as llama.cpp has."""
