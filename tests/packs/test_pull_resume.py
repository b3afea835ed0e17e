"""A pull goes on where it was, whatever ended it; nothing is fetched twice."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from localqwq.locations import packs_directory
from localqwq.packs.download.chunks import Chunks
from localqwq.packs.download.meter import Progress
from localqwq.packs.pull import Installed, PullStopped, pull
from localqwq.packs.store.store import Store
from tests.hub_server import Fault, Hub
from tests.inhibiting import holders, put_on_path

SPEC = "hf:someone/Tiny-GGUF:Q8_0"
FILE = "tiny-q8_0.gguf"
PULL = "import sys; from localqwq.packs.pull import pull; pull(sys.argv[1])"


def starts(hub: Hub) -> list[int]:
    """Where each download of the file began."""
    return [int(part.partition("-")[0]) for part in hub.contents(FILE)]


def journal() -> Path | None:
    """The journal of the one download that is under way."""
    return next(packs_directory().glob(".downloads/*/*.journal"), None)


def expect_whole(tiny: Path) -> None:
    """The pack is installed, verified, and nothing else is left."""
    store = Store(packs_directory())
    [model] = store.installed()
    assert model.spec == "Tiny:Q8_0"
    assert model.path.read_bytes() == (tiny / FILE).read_bytes()
    assert [check.problem for check in store.verify("Tiny")] == [None]
    assert list(packs_directory().glob(".downloads/*")) == []


def pull_part(hub: Hub, size: int, end: Callable[[], None], stop: threading.Event) -> None:
    """Pull so many bytes more, and call ``end`` while the server wants to be left alone."""
    hub.faults[FILE] = [Fault(cut=size), Fault(status=503, headers={"Retry-After": "99"})]

    def watch(progress: Progress) -> None:
        if "trying again in 99 s" in progress.note:
            end()

    pull(SPEC, on_progress=watch, stop=stop)


def interrupt() -> None:
    """What Ctrl-C does in the main thread."""
    raise KeyboardInterrupt


def test_a_connection_that_is_cut_at_every_tenth(hub: Hub, tiny: Path) -> None:
    """Each new connection begins at the byte that the last one did not bring."""
    size = (tiny / FILE).stat().st_size
    tenth = size // 10
    hub.faults[FILE] = [Fault(cut=tenth) for _ in range(10)]
    installed = pull(SPEC)
    assert installed.fetched == size
    assert starts(hub) == [number * tenth for number in range(11)]
    expect_whole(tiny)


@pytest.mark.parametrize("ctrl_c", [False, True])
def test_ending_at_every_tenth(hub: Hub, tiny: Path, ctrl_c: bool) -> None:
    """A pull that was paused or interrupted goes on at the very byte, in another call."""
    size = (tiny / FILE).stat().st_size
    tenth = size // 10
    for _ in range(9):
        stop = threading.Event()
        with pytest.raises(KeyboardInterrupt if ctrl_c else PullStopped):
            pull_part(hub, tenth, interrupt if ctrl_c else stop.set, stop)
        assert Store(packs_directory()).installed() == []
    hub.faults.clear()
    installed = pull(SPEC)
    assert installed.fetched == size - 9 * tenth
    assert sorted(set(starts(hub))) == [number * tenth for number in range(10)]
    expect_whole(tiny)


def killed(hub: Hub, chunks: int) -> None:
    """A pull in a process of its own that is killed after so many chunks and a little more."""
    size = Chunks.of(1).size
    hub.faults[FILE] = [Fault(hold=chunks * size + 1000)]
    with subprocess.Popen([sys.executable, "-c", PULL, SPEC]) as process:
        deadline = time.monotonic() + 60
        while not ((path := journal()) and path.read_text().count("\n") >= 1 + 2 * chunks):
            assert process.poll() is None
            assert time.monotonic() < deadline
            hub.go_on.wait(0.01)  # nobody sets it: a pause
        process.send_signal(signal.SIGKILL)
    hub.go_on.set()
    hub.go_on.clear()


def test_kill_9_costs_the_open_chunk(hub: Hub, tiny: Path) -> None:
    """After a kill in the middle, only what was not a whole chunk comes again."""
    chunk = Chunks.of(1).size
    killed(hub, 7)
    assert Store(packs_directory()).installed() == []
    pull(SPEC)
    assert starts(hub) == [0, 7 * chunk]
    expect_whole(tiny)


def test_what_a_crash_has_damaged_comes_again(hub: Hub, tiny: Path) -> None:
    """Of a file with one bad chunk and a torn journal, that chunk and the missing end come."""
    chunk = Chunks.of(1).size
    stop = threading.Event()
    with pytest.raises(PullStopped):
        pull_part(hub, 5 * chunk, stop.set, stop)
    path = journal()
    assert path is not None
    with path.open("ab") as stream:
        stream.write(b"\n5 262")
    with path.with_suffix("").open("r+b") as stream:
        stream.seek(2 * chunk + 17)
        stream.write(b"damaged")
    hub.requests.clear()
    hub.faults.clear()
    size = (tiny / FILE).stat().st_size
    assert pull(SPEC).fetched == size - 4 * chunk
    assert hub.contents(FILE) == [f"{2 * chunk}-{3 * chunk - 1}", f"{5 * chunk}-{size - 1}"]
    expect_whole(tiny)


def test_two_pulls_at_once_share_the_work(hub: Hub, tiny: Path) -> None:
    """The second waits for the first, and then has what that one has fetched."""
    hub.faults[FILE] = [Fault(hold=100_000)]
    waiting = threading.Event()
    outcomes: list[Installed] = []

    def first(progress: Progress) -> None:
        if progress.stage == "downloading" and not other.is_alive() and not outcomes:
            with suppress(RuntimeError):  # it is started once
                other.start()

    def second(progress: Progress) -> None:
        if progress.stage == "waiting":
            waiting.set()

    other = threading.Thread(target=lambda: outcomes.append(pull(SPEC, on_progress=second)))
    one = threading.Thread(target=lambda: outcomes.append(pull(SPEC, on_progress=first)))
    one.start()
    assert waiting.wait(60)
    hub.go_on.set()
    one.join()
    other.join()
    assert [outcome.models[0].spec for outcome in outcomes] == ["Tiny:Q8_0", "Tiny:Q8_0"]
    assert sorted(outcome.fetched > 0 for outcome in outcomes) == [False, True]
    assert len(hub.contents(FILE)) == 1
    expect_whole(tiny)


def test_another_file_of_the_same_name_begins_anew(hub: Hub, tiny: Path, tmp_path: Path) -> None:
    """What came of the old one is no part of the new one, though its first bytes are the same."""
    stop = threading.Event()
    with pytest.raises(PullStopped):
        pull_part(hub, 1_000_000, stop.set, stop)
    newer = tmp_path / "newer"
    shutil.copytree(tiny, newer)
    with (newer / FILE).open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\1")
    hub.publish("someone/Tiny-GGUF", newer)
    hub.faults.clear()
    assert pull(SPEC).fetched == (newer / FILE).stat().st_size
    expect_whole(newer)


def test_pulling_again_does_nothing(hub: Hub, tiny: Path) -> None:
    """What is installed is asked for, and not fetched."""
    pull(SPEC)
    hub.requests.clear()
    again = pull(SPEC)
    assert (again.fetched, again.source) == (0, "")
    assert hub.contents(FILE) == []
    other = pull("hf:someone/Tiny-GGUF:q4_k_m")
    assert {model.spec for model in Store(packs_directory()).installed()} == {
        "Tiny:Q8_0",
        "Tiny:Q4_K_M",
    }
    assert other.models[0].quant == "Q4_K_M"


def test_the_machine_stays_awake_while_a_pack_comes(
    hub: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process sees to that, and goes when the pack is there."""
    log = put_on_path(tiny, monkeypatch)
    hub.faults[FILE] = [Fault(hold=1_000)]
    worker = threading.Thread(target=pull, args=(SPEC,))
    worker.start()
    deadline = time.monotonic() + 20
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log.exists()
    assert len(holders()) == 1
    hub.go_on.set()
    worker.join(30)
    while holders() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not holders()
