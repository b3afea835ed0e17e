"""The widgets of the settings screen."""
