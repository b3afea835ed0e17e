"""Whether a file that has no checksum is still the one of which a part is here.

Servers tell one content of a file from another by an ETag or a date; but each mirror may have its
own, and then nothing but the bytes themselves can say that they are the same.
"""

import threading

from localqwq.packs.download.chunks import Journal
from localqwq.packs.download.direct_file import Output
from localqwq.packs.download.transfer import Resource, request

_BEGINNING = 1 << 20
"""Bytes of the header that are compared."""
_SAMPLE, _SAMPLES = 1 << 16, 4
"""Bytes of a sample behind the beginning, and how many there are."""


class Original:
    """The file on its server, compared with the part of it that is in ``output``."""

    def __init__(
        self, resource: Resource, journal: Journal, output: Output, stop: threading.Event
    ) -> None:
        self._resource = resource
        self._journal = journal
        self._output = output
        self._stop = stop
        self._seen = False
        """Whether this process has seen that it is the same."""

    def is_same(self, version: str, end: int) -> bool:
        """Return whether the server has the first ``end`` bytes as they are here.

        Bytes are compared only where ``version`` is unknown.

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
                return False  # it knows no ranges, so all of it comes again anyway
            while len(there) < size and (data := answer.read(size - len(there))):
                there += data
        return here == there


def _samples(end: int) -> list[tuple[int, int]]:
    """Return places and sizes: the beginning, and some up to the end."""
    places = [(0, min(end, _BEGINNING))] if end else []
    for number in range(1, _SAMPLES + 1):
        start = end * number // _SAMPLES - _SAMPLE
        if start >= _BEGINNING:
            places.append((start, _SAMPLE))
    return places
