"""Values from foreign JSON, by their expected kind."""

from typing import Any


def object_in(value: Any) -> dict[str, Any]:
    """Return the object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def list_in(value: Any) -> list[Any]:
    """Return the list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def number_in(value: Any) -> float:
    """Return the number; 0 for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def count_in(value: Any) -> int:
    """Return the non-negative whole number; 0 for anything else."""
    number = number_in(value)
    return int(number) if 0 <= number < 2**63 else 0
