"""The usual quantization, apart from ggml's tables, which take long to import."""

USUAL_QUANT = "Q4_K_M"
"""What most people take: hardly worse than the original, a quarter of its size."""
