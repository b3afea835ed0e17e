"""The model for a command to load, offering to download a missing one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.models.spec import NotInstalledError, ResolvedModel


def resolved_or_pulled(spec: str | None) -> ResolvedModel:
    """Return the model meant by a name; on a terminal, ask whether to download a missing one.

    Raises:
        LocalqwqError: there is no such model, or it is not installed; the sentence says how large
            it is, how it would run, and how to get it.
    """
    from localqwq.models.spec import NotInstalledError, resolve

    try:
        return resolve(spec)
    except NotInstalledError as missing:
        wanted = spec or missing.pull
        sentence = _described(missing)
        if not sentence:
            raise
        if spec is None:
            sentence = f"The settings name {missing.name}. {sentence}"
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise LocalqwqError(f"{sentence} `localqwq pull {wanted}` downloads it.") from None
    print(f"{sentence} Download it now? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise LocalqwqError(f"Nothing was downloaded; `localqwq pull {wanted}` does it later.")
    from localqwq.cli.pull import download

    download(wanted)
    return resolve(spec)


def _described(missing: NotInstalledError) -> str:
    """Return the size and speed of a model that can be downloaded; empty if unknown."""
    from localqwq.models.offers import planned
    from localqwq.models.outlook import look
    from localqwq.planning.short_summary import verdict

    offered = planned(missing.entry, look()) if missing.entry else None
    if offered is None:
        return ""
    offer = offered.offer(missing.quant.upper()) if missing.quant else offered.best
    if offer is None or offer.plan is None:
        return ""
    size = readable_size(offer.bytes)
    how = verdict(offer.plan)
    return f"{missing.name} is not installed: {offer.quant} is {size}; here: {how}."
