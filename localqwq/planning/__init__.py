"""What goes where: weights, KV cache and compute, per device."""
