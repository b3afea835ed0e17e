"""OpenAI's Responses API over the chat completions of this server."""
