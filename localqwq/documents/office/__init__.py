"""Office files, read from their XML: word processors, slides, and what sheets have beside cells."""
