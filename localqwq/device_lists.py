"""Lists of devices and of their shares, as people write them: separated by commas."""

from collections.abc import Sequence


def device_names(text: str) -> tuple[str, ...]:
    """Return the names in ``CUDA0,CUDA1``; ``none`` gives no names."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    return () if [name.lower() for name in names] == ["none"] else names


def shares(text: str) -> tuple[float, ...]:
    """Return the numbers in ``3,1``.

    Raises:
        ValueError: a share is not a number of 0 or more, or all are zero.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 <= share < float("inf") for share in found) or not any(found):
        raise ValueError(f"{text!r} are not shares: write numbers such as 3,1")
    return found


def written_devices(names: Sequence[str]) -> str:
    """Return the names as :func:`device_names` reads them."""
    return ",".join(names) or "none"


def written_shares(found: Sequence[float]) -> str:
    """Return the shares as :func:`shares` reads them."""
    return ",".join(f"{share:.12g}" for share in found)
