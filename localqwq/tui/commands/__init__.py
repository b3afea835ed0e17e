"""What can be done in the app, and by which keys."""
