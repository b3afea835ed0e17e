"""A checkpoint's tokenizer in GGUF's form."""
