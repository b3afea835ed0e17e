"""Sending a pack to a hub, and its model card."""
