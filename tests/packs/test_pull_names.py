"""Whatever a source calls its files, nothing is written outside of the pack's folder."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.packs.description import describe
from localqwq.packs.download.chunks import Chunk, Chunks, Journal
from localqwq.packs.download.delivery import Delivery
from localqwq.packs.download.meter import Meter
from localqwq.packs.download.transfer import SourceFailed
from localqwq.packs.manifest import MANIFEST_NAME
from localqwq.packs.sources.listing import Listing, RemoteFile, sorted_quants
from localqwq.packs.sources.repository import manifest_of
from localqwq.packs.sources.request import understand
from localqwq.packs.store.store import Store

PIECES = st.sampled_from(
    ["..", "/", "\\", "a", "~", "\0", "\n", "C:", ".gguf", "-Q4_K_M", "-Q8_0", "Q4_K_M/",
     "../../etc/", "-00001-of-00001", "-00001-of-00002", "-00002-of-00002", "%2e%2e%2f", "ä", " ",
     "con", "."]
)  # fmt: skip
PATHS = st.lists(PIECES | st.text(max_size=4), max_size=8).map("".join)
KEPT = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outside(root: Path, store: Path) -> set[Path]:
    """Everything that is there but not in the store."""
    return {path for path in root.rglob("*") if store not in (path, *path.parents)}


@given(paths=st.lists(PATHS, min_size=1, max_size=4, unique=True))
@KEPT
def test_names_of_a_source_name_nothing_here(
    paths: list[str], tmp_path: Path, make_gguf: Callable[..., Path]
) -> None:
    """Files land under names that are made here, or are no files of a model at all."""
    source = make_gguf()
    root = tmp_path / "store" / "packs"
    folder = root / ".downloads" / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    before = outside(tmp_path, root)
    files = [RemoteFile(path, source.stat().st_size, None, source) for path in paths]
    quants = sorted_quants(files)
    for quant, parts in quants.items():
        assert all(part in files for part in parts)
        listing = Listing("here", "here", None, quants)
        delivery = Delivery(listing, "tiny", quant, folder)
        delivered = delivery.collect(Meter("tiny", None), threading.Event())
        assert {one.path.parent for one in delivered} == {delivery.ready}
        if len(parts) == 1:
            manifest = describe(
                delivered, Listing("here", "here", None, quants), "tiny", quant, None
            )
            Store(root).place(delivery.ready, manifest)
            Store(root).remove("tiny")
    assert outside(tmp_path, root) == before


@given(path=PATHS, other=PATHS)
@KEPT
def test_manifests_name_nothing_outside(path: str, other: str, tmp_path: Path) -> None:
    """A file name in a manifest is a plain name, or the manifest is refused."""
    text = "".join(
        f"[[files]]\nquant = {quant!r}\npath = {name!a}\nbytes = 1\nsha256 = '{'0' * 64}'\n"
        "bits_per_weight = 4.5\n"
        for quant, name in (("Q4_K_M", path), ("Q8_0", other))
    )
    head = "format = 1\nname = 'tiny'\narchitecture = 'qwen2'\nparameters = 1\ncontext = 1\n"
    manifest = tmp_path / MANIFEST_NAME
    manifest.write_text(head + text)
    try:
        found = manifest_of(manifest)
    except SourceFailed as failed:
        assert str(failed).startswith("its pack.toml")
        return
    for file in found.files:
        assert Path(file.path).name == file.path
        assert not file.path.startswith(".")


@given(spec=PATHS | st.from_regex(r"(hf|ms|x)?:?[\w./:-]{0,30}", fullmatch=True))
@settings(max_examples=40)
def test_any_spec_is_understood_or_a_sentence(spec: str) -> None:
    """What becomes a folder's name cannot lead out of its place."""
    try:
        wish = understand(spec)
    except LocalqwqError as error:
        assert str(error)
        return
    for name in (wish.name, wish.quant):
        assert name is None or (Path(name).name == name and not name.startswith("."))


@given(
    total=st.integers(1, 1 << 44),
    lines=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 1 << 24), st.binary(max_size=4))),
    torn=st.binary(max_size=20),
)
@KEPT
def test_journals_say_what_was_noted(
    total: int, lines: list[tuple[int, int, bytes]], torn: bytes, tmp_path: Path
) -> None:
    """Chunks cover a file without gap or overlap, and torn lines are no chunks of another size."""
    chunks = Chunks.of(total)
    assert sum(chunks.length(index) for index in (0, chunks.count - 1)) <= 2 * total
    assert chunks.start(chunks.count) == total
    assert chunks.start(chunks.count - 1) + chunks.length(chunks.count - 1) == total
    path = tmp_path / "a.journal"
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        assert journal.read("7 some\nthing", chunks) == {}
        journal.begin("7 some\nthing")
        expected = {}
        for index, length, content in lines:
            chunk = Chunk(length, hashlib.sha256(content).hexdigest())
            journal.add(index, chunk)
            if index < chunks.count and 0 < length <= chunks.length(index):
                expected[index] = chunk
        assert journal.read("7 some\nthing", chunks) == expected
        assert journal.read("7 other", chunks) == {}
    with path.open("ab") as stream:
        stream.write(torn.replace(b"\n", b""))
    with Journal(path) as journal:
        assert journal.read("7 some\nthing", chunks) == expected
