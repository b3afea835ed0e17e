"""What goes where: weights, KV cache and compute buffers, per device."""
