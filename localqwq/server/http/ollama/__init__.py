"""Ollama's API over the chat completions of this server."""
