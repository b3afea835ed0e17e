"""Devices of other machines, over ggml's RPC: lending them and using them."""
