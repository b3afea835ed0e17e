"""Converting a Hugging Face checkpoint to GGUF quantizations in one pass."""
