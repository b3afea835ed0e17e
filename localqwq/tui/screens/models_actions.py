"""What can be done with a row of the list of models."""

from __future__ import annotations

from collections.abc import Mapping

from localqwq.models.stock import Installed
from localqwq.packs.download.unfinished import Unfinished
from localqwq.packs.store.other_programs import ForeignModel
from localqwq.settings.sections import EndpointSettings
from localqwq.sizes import readable_size
from localqwq.tui.screens.question import QuestionScreen
from localqwq.tui.widgets.models.rows import Row

MAIN = ("use", "download", "pause", "resume", "adopt")
"""The possible actions of Enter, depending on the row."""


def main_action(row: Row) -> str:
    """Return the action of Enter on this row: one of ``MAIN``, or empty."""
    if isinstance(row.thing, Unfinished):
        return ""
    if row.installed is not None or isinstance(row.thing, EndpointSettings):
        return "use"
    download = row.download
    if download is not None and download.state != "done":
        return "pause" if download.is_active else "resume"
    return "adopt" if isinstance(row.thing, ForeignModel) else "download"


def default_of(row: Row) -> Mapping[str, object] | None:
    """Return the settings that make it the default; None if that is impossible."""
    if isinstance(row.thing, EndpointSettings):
        return {"model": None, "endpoint": row.thing.name}
    if row.installed is None:
        return None
    return {"model": row.installed.spec, "endpoint": None}


def is_removable(row: Row) -> bool:
    """Return whether there is anything to remove."""
    if row.installed is not None:
        return not row.installed.is_demo
    return row.download is not None and row.download.state in ("paused", "failed")


def question(row: Row) -> QuestionScreen:
    """Return the question asked before a model, or what was downloaded of one, is removed."""
    if row.installed is None:
        come = row.download.done if row.download else 0
        text = (
            f"{readable_size(come)} of {row.name} were downloaded and would have to be downloaded "
            "again."
        )
        return QuestionScreen("Discard the download?", text, "Discard", "Keep")
    installed: Installed = row.installed
    text = f"{installed.spec} would have to be downloaded again."
    if installed.model is not None:
        path = installed.model.path
        if path.is_symlink() or path.stat().st_nlink > 1:
            text = f"Only the copy of {installed.spec} that is kept elsewhere remains."
        else:
            text += f" {readable_size(installed.model.bytes)} are freed."
    return QuestionScreen("Remove this model?", text, "Remove", "Keep")
