"""What people may choose once and keep: one typed schema, and the TOML file that holds it."""
