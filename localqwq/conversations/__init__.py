"""Conversations: the tree of turns and its journalled store."""
