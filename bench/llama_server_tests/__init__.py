"""llama-server's own API tests, run against localqwq's server."""
