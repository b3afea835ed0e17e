"""The name of the built-in model."""

DEMO = "demo"
"""Also that of its pack."""


def is_demo(spec: str) -> bool:
    """Return whether a name, with a quantization or without, means the built-in model."""
    return spec.partition(":")[0] == DEMO
