"""The user's persistent settings: one typed schema, and the TOML file."""
