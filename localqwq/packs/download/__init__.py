"""Downloading files: requests, retries, hashes, and the journal for resuming."""
