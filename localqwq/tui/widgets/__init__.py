"""What the screens are made of, by region."""
