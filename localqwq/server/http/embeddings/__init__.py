"""Embeddings, as OpenAI and Ollama ask for them."""
