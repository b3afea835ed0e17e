"""TeX formulas as text for a terminal."""
