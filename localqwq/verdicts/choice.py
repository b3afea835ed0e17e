"""The letter that an answer to a multiple-choice question chooses."""

import re

_CHOICE = re.compile(r"[\"']?answer[\"']?\s*[:=]\s*[\"'(]*([A-Z])\b", re.IGNORECASE)


def chosen_letter(answer: str) -> str | None:
    """Return the letter in the last JSON field ``answer``; None without one."""
    found = _CHOICE.findall(answer)
    return found[-1].upper() if found else None
