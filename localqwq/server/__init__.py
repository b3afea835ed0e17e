"""OpenAI-compatible HTTP over the engine, and the supervisor of the process it runs in."""
