"""Anthropic's Messages API over the chat completions of this server."""
