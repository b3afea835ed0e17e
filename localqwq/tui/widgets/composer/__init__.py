"""Where one types: the prompt, what is attached to it, and what can be completed."""
