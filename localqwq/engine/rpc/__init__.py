"""Lending and using devices of other machines, over ggml's RPC."""
