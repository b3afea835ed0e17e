"""Evaluation: problems with known answers, the verdict on each answer, and honest statistics."""
