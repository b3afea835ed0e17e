"""The screens' widgets, by region."""
