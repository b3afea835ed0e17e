"""TeX's formulas as text that a terminal can show."""
