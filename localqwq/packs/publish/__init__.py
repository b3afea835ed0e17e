"""Uploading a pack to a hub, with its model card."""
