"""Checks before a download: whether the model can be run and installed."""

from localqwq.errors import LocalqwqError
from localqwq.packs.catalogue import Entry
from localqwq.packs.description import expect_described
from localqwq.packs.download.transfer import SourceFailed
from localqwq.packs.manifest import Manifest
from localqwq.packs.sources.listing import Listing
from localqwq.packs.sources.remote_header import peek
from localqwq.packs.store.store import Store

WORTH_A_LOOK = 1 << 28
"""Bytes above which a model's header is read first; less downloads almost as fast."""


def expect_installable(
    store: Store, name: str, quant: str, listing: Listing, entry: Entry | None
) -> None:
    """Check that a quantization could be run and installed once it is downloaded.

    Raises:
        SourceFailed: the source has a different model.
        LocalqwqError: it could not; the sentence says why and what to do.
    """
    sums = [file.sha256 for file in listing.quants[quant]]
    shape = _promised(listing.manifest)
    store.expect_place(name, quant, sums, shape)
    if listing.bytes(quant) > WORTH_A_LOOK and (facts := peek(listing.quants[quant])):
        try:
            expect_described(facts, listing, name, entry)
        except LocalqwqError as error:  # another source may have the right one
            raise SourceFailed(str(error)) from error
        store.expect_place(name, quant, sums, (facts.architecture, facts.parameters))


def _promised(manifest: Manifest | None) -> tuple[str, int] | None:
    return (manifest.architecture, manifest.parameters) if manifest is not None else None
