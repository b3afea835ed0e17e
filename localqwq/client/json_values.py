"""Values out of other people's JSON, by the kind that they should have."""

from typing import Any


def object_in(value: Any) -> dict[str, Any]:
    """Return the object; an empty one where there is something else."""
    return value if isinstance(value, dict) else {}


def list_in(value: Any) -> list[Any]:
    """Return the list; an empty one where there is something else."""
    return value if isinstance(value, list) else []


def number_in(value: Any) -> float:
    """Return the number; 0 where there is something else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def count_in(value: Any) -> int:
    """Return the whole number that is not negative; 0 where there is something else."""
    number = number_in(value)
    return int(number) if 0 <= number < 2**63 else 0
