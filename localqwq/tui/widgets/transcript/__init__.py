"""The transcript: prompts, thoughts, answers and notices, oldest first."""
