"""Measuring in child processes how this machine runs a model, and keeping the results."""
