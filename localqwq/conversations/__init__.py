"""The tree of turns of a conversation, and its journalled store."""
