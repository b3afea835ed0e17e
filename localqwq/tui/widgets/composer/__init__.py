"""The composer: the prompt, its attachments, and completion."""
