"""Sizes as people read and write them."""

import re

_UNITS = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([MGT])(?:i?B)?", re.IGNORECASE)


def parsed_size(text: str) -> int:
    """Return the bytes meant by ``23.5G`` or ``512M``, in powers of two, as memory is sold.

    Raises :class:`ValueError` for anything else.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a valid size: write it as 23.5G or 512M")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def written_size(size: int) -> str:
    """Return bytes as :func:`parsed_size` reads them: the largest unit that needs no fraction."""
    whole = [unit for unit, bytes_ in _UNITS.items() if size and size % bytes_ == 0]
    unit = whole[-1] if whole else "M"
    return f"{size / _UNITS[unit]:.6f}".rstrip("0").rstrip(".") + unit


def readable_size(size: float) -> str:
    """Return bytes in binary units with two to four digits, such as ``18.5 GiB``."""
    if abs(size) < 1000:
        return f"{size:.0f} B"
    units = ["KiB", "MiB", "GiB", "TiB"]
    size /= 1024
    while abs(size) >= 999.5 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}" if abs(size) >= 99.95 else f"{size:.1f} {units[0]}"
