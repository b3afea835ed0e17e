"""The settings as people see them."""
