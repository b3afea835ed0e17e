"""How sizes are written for people."""


def readable_size(size: float) -> str:
    """Bytes in binary units with two to four digits, such as ``18.5 GiB``."""
    if abs(size) < 1000:
        return f"{size:.0f} B"
    units = ["KiB", "MiB", "GiB", "TiB"]
    size /= 1024
    while abs(size) >= 999.5 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}" if abs(size) >= 99.95 else f"{size:.1f} {units[0]}"
