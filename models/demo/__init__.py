"""The demo checkpoint: its data, its training, and the checkpoint itself."""
