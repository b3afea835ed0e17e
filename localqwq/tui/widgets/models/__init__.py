"""Widgets of the list of models."""
