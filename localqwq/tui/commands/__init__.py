"""The app's commands and their keys."""
