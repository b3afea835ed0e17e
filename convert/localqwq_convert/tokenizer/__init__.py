"""A checkpoint's tokenizer, as GGUF has it."""
