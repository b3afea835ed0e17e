"""IFEval: instructions whose observance a program can decide, by Google's authors."""
