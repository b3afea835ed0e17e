"""Whether a file without a checksum is still the one that was partly downloaded.

Servers identify a file's content by an ETag or a date, but each mirror may have its own. Then only
the bytes themselves can show that they are the same.
"""

import threading

from localqwq.packs.download.chunks import Journal
from localqwq.packs.download.direct_file import Output
from localqwq.packs.download.transfer import Resource, request

_BEGINNING = 1 << 20
"""Bytes of the header that are compared."""
_SAMPLE, _SAMPLES = 1 << 16, 4
"""Bytes of a sample after the beginning, and the number of samples."""


class Original:
    """The file on its server, compared with its part in ``output``."""

    def __init__(
        self, resource: Resource, journal: Journal, output: Output, stop: threading.Event
    ) -> None:
        self._resource = resource
        self._journal = journal
        self._output = output
        self._stop = stop
        self._seen = False
        """Whether this process has confirmed that it is the same."""

    def is_same(self, version: str, end: int) -> bool:
        """Return whether the server's first ``end`` bytes are the same as here.

        Bytes are compared only if ``version`` is unknown.

        Raises:
            Interrupted: they cannot be compared now.
            SourceFailed: the server refuses.
        """
        known = self._journal.has_version(version) if version else self._seen
        if not known:
            if not all(self._agrees(start, size) for start, size in _samples(end)):
                return False
            self._journal.add_version(version)
        self._seen = True
        return True

    def _agrees(self, start: int, size: int) -> bool:
        headers = {"Range": f"bytes={start}-{start + size - 1}"}
        here = self._output.read(size, start)
        there = bytearray()
        with request(self._resource, headers, self._stop) as answer:
            if answer.status != 206 and start:
                return False  # it does not support ranges, so everything is downloaded again anyway
            while len(there) < size and (data := answer.read(size - len(there))):
                there += data
        return here == there


def _samples(end: int) -> list[tuple[int, int]]:
    """Return offsets and sizes: the beginning, and some up to the end."""
    places = [(0, min(end, _BEGINNING))] if end else []
    for number in range(1, _SAMPLES + 1):
        start = end * number // _SAMPLES - _SAMPLE
        if start >= _BEGINNING:
            places.append((start, _SAMPLE))
    return places
