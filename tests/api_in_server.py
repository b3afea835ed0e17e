"""The Python API with the running server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localqwq import LocalModel, load
from localqwq.locations import packs_directory
from localqwq.packs.store.store import Store
from tests.all_models import Serving, serving


@contextmanager
def in_server(
    gguf: Path, home: Path, *options: str, settings: str = ""
) -> Iterator[tuple[LocalModel, Serving]]:
    """A model that a server with its data in ``home`` has loaded, and that server."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("DATA", "CONFIG", "CACHE"):
            patch.setenv(f"LOCALQWQ_{kind}_DIR", str(home / kind.lower()))
        for name in ("first", "second"):
            Store(packs_directory()).add(gguf, name=name)
        with serving("default", "--ctx", "1024", *options, settings=settings) as server:
            yield load("second"), server
