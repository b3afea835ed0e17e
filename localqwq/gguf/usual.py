"""The usual quantization, kept apart from ggml's tables, which take long to import."""

USUAL_QUANT = "Q4_K_M"
"""The usual choice: hardly worse than the original, at a quarter of its size."""
