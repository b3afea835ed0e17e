"""OpenAI's API over the engine: routes, requests, answers, events."""
