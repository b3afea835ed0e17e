"""What a model lost: importance matrices, perplexity, and divergence from a reference."""
