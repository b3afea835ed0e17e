"""An engine as a child process, and what the server knows of it; frames go between the two."""
