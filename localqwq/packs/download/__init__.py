"""Files that come over a network: blocks, retries, hashes, and the journal to go on by."""
