"""Names of packs that are made here."""

import re


def pack_name(stem: str, quant: str) -> str:
    """Return a pack's name from a file's: without the quantization, and only allowed characters."""
    name = re.sub(rf"[-._]{re.escape(quant)}$", "", stem, flags=re.IGNORECASE)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:96].strip("._-")
    return name or "model"
