"""Servers that lie, stumble and vanish, and disks that fill: the store is never wrong."""

import resource
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory
from localqwq.packs.download import file_download as download
from localqwq.packs.download import transfer
from localqwq.packs.download.chunks import Chunks
from localqwq.packs.download.meter import Progress
from localqwq.packs.download.retry import ATTEMPTS, FIRST_S, LONGEST_S, Patience
from localqwq.packs.pull import pull
from localqwq.packs.store.store import Store
from tests.hub_server import Fault, Hub

SPEC = "hf:someone/Tiny-GGUF:Q8_0"
FILE = "tiny-q8_0.gguf"
CHUNK = Chunks.of(1).size


def expect_whole(tiny: Path) -> None:
    """The pack is installed and verified."""
    store = Store(packs_directory())
    assert [check.problem for check in store.verify("Tiny:Q8_0")] == [None]
    assert store.matching("Tiny:Q8_0")[0].path.read_bytes() == (tiny / FILE).read_bytes()


def refusal(spec: str = SPEC) -> str:
    """Why a pull fails; nothing is installed then."""
    with pytest.raises(LocalqwqError) as caught:
        pull(spec)
    assert Store(packs_directory()).installed() == []
    return str(caught.value)


def test_a_wrong_byte_costs_what_is_up_to_it(hub: Hub, tiny: Path) -> None:
    """The file is fetched again as far as the wrong chunk, which is all that was wrong."""
    hub.faults[FILE] = [Fault(wrong=(3 * CHUNK + 5,))]
    notes: list[str] = []
    pull(SPEC, on_progress=lambda progress: notes.append(progress.note))
    assert "tiny-q8_0.gguf arrived with wrong bytes: downloading them again." in notes
    ends = [int(part.partition("-")[2]) + 1 for part in hub.contents(FILE)[1:]]
    assert ends == [CHUNK, 2 * CHUNK, 3 * CHUNK, 4 * CHUNK]
    expect_whole(tiny)


def test_wrong_bytes_in_many_chunks(hub: Hub, tiny: Path) -> None:
    """However many they are, one time more is enough."""
    places = tuple(range(5, (tiny / FILE).stat().st_size, CHUNK))
    hub.faults[FILE] = [Fault(wrong=places)]
    pull(SPEC)
    assert len(hub.contents(FILE)) == 1 + len(places)
    expect_whole(tiny)


def test_bytes_that_stay_wrong(hub: Hub, tiny: Path) -> None:
    """They are refused, and nothing of them is kept."""
    hub.always[FILE] = Fault(wrong=(0,))
    assert "does not match its SHA-256 checksum" in refusal()
    assert not list(packs_directory().glob(".downloads/*/*"))
    hub.always.clear()
    pull(SPEC)
    expect_whole(tiny)


def test_a_file_of_another_length(hub: Hub, tiny: Path) -> None:
    """A file that is shorter than the hub says is refused, whole and in parts."""
    hub.always[FILE] = Fault(shorter=10)
    assert "changed at its source" in refusal()
    hub.always[FILE] = Fault(shorter=10, whole=True)
    assert "changed at its source" in refusal()
    hub.always[FILE] = Fault(longer=10)
    assert "changed at its source" in refusal()
    hub.always[FILE] = Fault(longer=10, whole=True)
    assert "changed at its source" in refusal()


@pytest.mark.parametrize(
    ("headers", "whole", "words"),
    [
        ({"Content-Range": "bytes 7-9/10"}, False, "a different part than requested"),
        ({"Content-Range": "bytes 0-9/*"}, False, "a different part than requested"),
        ({"Content-Range": f"bytes 0-{'9' * 5000}/{'9' * 5000}"}, False, "a different part"),
        ({"Content-Length": "9" * 5000}, True, "does not say how long"),
        ({"Content-Length": "-1"}, True, "does not say how long"),
    ],
)
def test_an_answer_that_makes_no_sense(
    hub: Hub, tiny: Path, headers: dict[str, str], whole: bool, words: str
) -> None:
    """Numbers that are no places in the file are refused in a sentence."""
    hub.always[FILE] = Fault(headers=headers, whole=whole)
    assert words in refusal()
    if whole:
        assert words in refusal(f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}")
        hub.always[FILE] = Fault(headers={"Content-Length": "9" * 15})
        assert "says that" in refusal(f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(hub: Hub, tiny: Path, status: int) -> None:
    """Retry-After counts in seconds and as a date, on the way and in the list of files."""
    soon = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)
    hub.faults[FILE] = [
        Fault(cut=500_000),
        Fault(status=status, headers={"Retry-After": "0"}),
        Fault(status=status, headers={"Retry-After": soon}),
    ]
    pull(SPEC)
    starts = [int(part.partition("-")[0]) for part in hub.contents(FILE)]
    assert starts == [0, 500_000, 500_000, 500_000]
    expect_whole(tiny)


@pytest.mark.parametrize("status", [429, 503])
def test_a_hub_that_is_busy_when_it_is_asked(hub: Hub, tiny: Path, status: int) -> None:
    """It is asked again for what it has when it says, too, on either hub."""
    hub.publish("other/Tiny-GGUF", tiny)
    for spec in (SPEC, "ms:other/Tiny-GGUF:Q8_0"):
        past = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)
        hub.busy = [Fault(status=status, headers={"Retry-After": when}) for when in ("0", past)]
        began = time.monotonic()
        assert pull(spec).models[0].spec == "Tiny:Q8_0"
        assert time.monotonic() - began < FIRST_S
        assert hub.busy == []
    expect_whole(tiny)


def test_a_server_that_wants_to_be_left_alone_for_long(hub: Hub, tiny: Path) -> None:
    """Nobody waits for an hour: the sentence says what it answers, and what came is kept."""
    hub.faults[FILE] = [Fault(cut=500_000), Fault(status=429, headers={"Retry-After": "3600"})]
    assert refusal().endswith("answers 429. What has arrived is kept: pull again to resume.")
    assert pull(SPEC).fetched == (tiny / FILE).stat().st_size - 500_000
    expect_whole(tiny)


def test_patience_doubles_and_ends() -> None:
    """At once after progress, then longer and longer, then not at all."""
    patience = Patience()
    delays = [patience.delay(None) for _ in range(ATTEMPTS)]
    assert delays == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, None]
    patience.progress()
    assert [patience.delay(None), patience.delay(7), patience.delay(1e9)] == [0.0, 7, None]
    assert max(delay or 0 for delay in delays) <= LONGEST_S


def test_a_drip_is_a_download(hub: Hub, tiny: Path) -> None:
    """Bytes that come in small pieces come all the same."""
    hub.faults[FILE] = [Fault(drip=999)]
    pull(SPEC)
    expect_whole(tiny)


def test_a_server_that_falls_silent(hub: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever: it is asked for the byte that has not come."""
    monkeypatch.setattr(transfer, "TIMEOUT_S", 0.2)
    hub.faults[FILE] = [Fault(hold=1_000_000)]
    pull(SPEC)
    assert [part.partition("-")[0] for part in hub.contents(FILE)] == ["0", "1000000"]
    expect_whole(tiny)


def test_a_server_that_hardly_sends_anything(
    hub: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes now and then are no download: the connection is made anew."""
    monkeypatch.setattr(download, "_SLOW_S", 0.2)
    hub.faults[FILE] = [Fault(drip=10, pause=0.02)]
    pull(SPEC)
    [_, second] = hub.contents(FILE)
    assert 0 < int(second.partition("-")[0]) < 1000
    expect_whole(tiny)


def test_a_server_without_ranges(hub: Hub, tiny: Path) -> None:
    """What is there already is passed over, and not written twice."""
    hub.faults[FILE] = [Fault(cut=1_000_000), Fault(whole=True)]
    assert pull(SPEC).fetched == (tiny / FILE).stat().st_size
    expect_whole(tiny)


def test_a_file_that_vanishes(hub: Hub, tiny: Path) -> None:
    """It is a sentence, and the next pull goes on if the file is back."""
    hub.faults[FILE] = [Fault(cut=1_000_000), Fault(status=404)]
    assert "no longer has it" in refusal()
    assert pull(SPEC).fetched == (tiny / FILE).stat().st_size - 1_000_000
    expect_whole(tiny)


def test_a_full_disk_keeps_what_came(hub: Hub, tiny: Path) -> None:
    """The sentence says what to do, and the pull goes on once there is room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, before[1]))
    try:
        assert "free some space and pull again" in refusal()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    hub.requests.clear()
    pull(SPEC)
    assert int(hub.contents(FILE)[0].partition("-")[0]) >= 4 * CHUNK
    expect_whole(tiny)


def test_a_disk_that_is_too_small(hub: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known before the first byte is fetched."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 8, 1000))
    assert "needs 2.7 MiB more" in refusal()
    assert hub.contents(FILE) == []


def test_a_model_that_cannot_be_run(
    hub: Hub, tmp_path: Path, make_gguf: Callable[..., Path]
) -> None:
    """Headers are looked at before a file is installed."""
    folder = tmp_path / "broken"
    folder.mkdir()
    content = make_gguf().read_bytes()
    (folder / "broken-Q8_0.gguf").write_bytes(content[: len(content) // 2])
    (folder / "noise-Q4_0.gguf").write_bytes(b"GGUF" + bytes(1000))
    hub.publish("someone/Broken", folder)
    assert "Broken-Q8_0.gguf is truncated" in refusal("hf:someone/Broken:Q8_0")
    assert "Broken-Q4_0.gguf" in refusal("hf:someone/Broken:Q4_0")
    assert not list(packs_directory().glob(".downloads/*"))


def test_progress_says_how_far_it_is(hub: Hub, tiny: Path) -> None:
    """From asking to installing, never more than there is, never backwards."""
    hub.faults[FILE] = [Fault(cut=1_000_000), Fault(status=404)]
    refusal()
    seen: list[Progress] = []
    pull(SPEC, on_progress=seen.append)
    stages = list(dict.fromkeys(progress.stage for progress in seen))
    assert stages == ["asking", "checking", "downloading", "installing"]
    size = (tiny / FILE).stat().st_size
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert (seen[-1].done, seen[-1].total, seen[-1].before) == (size, size, 1_000_000)
    assert seen[-1].source == "Hugging Face"
    assert {progress.spec for progress in seen if progress.total} == {"Tiny:Q8_0"}
