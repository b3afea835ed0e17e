"""KV states of conversations that left the cache, in memory and on disk."""
