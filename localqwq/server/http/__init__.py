"""OpenAI's API over the engine: routes, requests, responses, events."""
