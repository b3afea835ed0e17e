"""One client for every endpoint."""
