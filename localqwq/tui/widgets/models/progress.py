"""A download's progress in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.packs.download.meter import Progress
    from localqwq.tui.session.downloads import Download

BAR = "█", "░"
SILENCE_S = 3.0
"""Seconds without a byte after which no speed is shown."""
_STAGES = {
    "asking": "looking it up",
    "waiting": "waiting: another program is downloading it",
    "checking": "checking the downloaded part",
    "downloading": "downloading",
    "repairing": "downloading wrong bytes again",
    "installing": "installing",
}


def in_short(download: Download | None, total: int) -> str:
    """Return a clause for a list's line; empty without a download. ``total``: bytes, 0 if
    unknown.
    """
    if download is None or download.state == "done":
        return ""
    part = _part(download, total)
    percent = "" if part is None else f" {part:.0%}"
    match download.state:
        case "failed":
            return "! failed; ⏎ tries again"
        case "paused":
            return f"‖ paused{' at' if percent else ''}{percent}"
        case "pausing":
            return "‖ pausing …"
    progress = download.progress
    if progress is None:
        return "↓ waits for its turn"
    if progress.stage != "downloading":
        return f"↓ {_STAGES[progress.stage]}{percent} …"
    return ", ".join([f"↓{percent}", *_pace(progress)])


def lines(download: Download, total: int, width: int) -> list[str]:
    """Return a bar and remarks, at most ``width`` characters each."""
    part = _part(download, total)
    whole = _total(download, total)
    found = []
    if part is not None and download.state != "failed":
        cells = round(part * width)
        found.append(BAR[0] * cells + BAR[1] * (width - cells))
        found.append(f"{part:.0%}: {readable_size(download.done)} of {readable_size(whole)}")
    progress = download.progress
    match download.state:
        case "failed":
            return [f"! {download.sentence}"]
        case "paused":
            return [*found[:1], f"‖ Paused at {found[1]}"] if found else ["‖ Paused"]
        case "pausing":
            return [*found[:1], "‖ Pausing …"]
    if progress is None:
        return ["↓ Waits for its turn"]
    stage = _STAGES[progress.stage].capitalize()
    said = " · ".join([*found[1:], *_pace(progress), progress.source]).rstrip(" ·")
    if progress.stage == "downloading" and found:
        return [found[0], f"↓ {said}", *_note(progress)]
    return [*found[:1], f"↓ {stage} …", *_note(progress)]


def duration(seconds: float) -> str:
    """Return an approximate duration: ``20 s``, ``4 min``, ``2 h 05 min``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min" if hours else f"{minutes} min"


def _pace(progress: Progress) -> list[str]:
    silence = time.monotonic() - progress.at
    if silence >= SILENCE_S:
        return [f"nothing received for {duration(silence)}"]
    if not progress.rate:
        return []
    left = progress.seconds_left
    rest = [f"{duration(left)} left"] if left is not None else []
    return [f"{readable_size(progress.rate)}/s", *rest]


def _note(progress: Progress) -> list[str]:
    return [progress.note] if progress.note else []


def _total(download: Download, total: int) -> int:
    return download.progress.total if download.progress and download.progress.total else total


def _part(download: Download, total: int) -> float | None:
    whole = _total(download, total)
    return min(1.0, download.done / whole) if whole else None
