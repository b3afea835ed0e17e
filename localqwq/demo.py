"""The name of the built-in model."""

DEMO = "demo"
"""The name of the model and of its pack."""


def is_demo(spec: str) -> bool:
    """Return whether a name, with or without a quantization, means the built-in model."""
    return spec.partition(":")[0] == DEMO
