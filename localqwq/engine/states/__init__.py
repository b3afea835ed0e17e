"""KV states of evicted conversations, in memory and on disk."""
