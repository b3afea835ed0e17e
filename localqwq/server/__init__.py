"""The OpenAI-compatible HTTP server of the engine, and the supervisor of its process."""
