"""What answers come to, and which of them say the same."""
