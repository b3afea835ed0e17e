"""What has come is thrown away only when something better is there."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory
from localqwq.packs.download.meter import Progress
from localqwq.packs.pull import PullStopped, pull
from localqwq.packs.store.store import Store
from tests.hub_server import Fault, Hub

SPEC = "hf:someone/Tiny-GGUF:Q8_0"
FILE = "tiny-q8_0.gguf"
CAME = 1_000_000
PAGE = {"Content-Type": "text/html; charset=utf-8"}


def refusal(spec: str) -> str:
    """Why a pull fails; nothing is installed then."""
    with pytest.raises(LocalqwqError) as caught:
        pull(spec)
    assert Store(packs_directory()).installed() == []
    return str(caught.value)


def pull_part(hub: Hub, spec: str) -> None:
    """Pull ``CAME`` bytes, then stop."""
    hub.faults[FILE] = [Fault(cut=CAME), Fault(status=503, headers={"Retry-After": "99"})]
    stop = threading.Event()

    def watch(progress: Progress) -> None:
        if "trying again in 99 s" in progress.note:
            stop.set()

    with pytest.raises(PullStopped):
        pull(spec, on_progress=watch, stop=stop)
    hub.faults.clear()
    hub.requests.clear()


def expect_rest(hub: Hub, spec: str, tiny: Path) -> None:
    """A pull brings the missing bytes alone, and a little to compare."""
    installed = pull(spec)
    size = (tiny / FILE).stat().st_size
    assert installed.fetched == size - CAME
    assert installed.models[0].path.read_bytes() == (tiny / FILE).read_bytes()


@pytest.fixture(params=["hub", "url"])
def spec(request: pytest.FixtureRequest, hub: Hub, tiny: Path) -> str:
    """A file with a checksum, and one without."""
    return SPEC if request.param == "hub" else f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}"


def test_a_web_page_instead_of_the_file(hub: Hub, tiny: Path, spec: str) -> None:
    """Networks that want a login answer everything with their page, and with status 200."""
    pull_part(hub, spec)
    hub.always[FILE] = Fault(page=b"<html>Log in, please</html>", headers=PAGE)
    words = refusal(spec)
    assert "answers with a web page" in words
    assert "What has arrived is kept" in words or spec != SPEC
    hub.always.clear()
    expect_rest(hub, spec, tiny)


def test_a_page_while_the_file_comes(hub: Hub, tiny: Path, spec: str) -> None:
    """The network's login ran out in the middle."""
    hub.faults[FILE] = [Fault(cut=CAME), Fault(page=b"<html></html>", headers=PAGE)]
    words = refusal(spec)
    assert "answers with a web page" in words
    assert "What has arrived is kept" in words
    expect_rest(hub, spec, tiny)


def test_every_mirror_has_an_etag_of_its_own(hub: Hub, tiny: Path) -> None:
    """The bytes are the same: what has come is compared with a few of them, and kept."""
    url = f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}"
    hub.etags = [f'"mirror-{number}"' for number in range(50)]
    pull_part(hub, url)
    hub.faults[FILE] = [Fault(cut=500_000)]
    expect_rest(hub, url, tiny)


def test_another_file_behind_the_address(hub: Hub, tiny: Path, tmp_path: Path) -> None:
    """What came of the old one is given up, and the new one comes whole."""
    url = f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}"
    pull_part(hub, url)
    newer = tmp_path / "newer"
    shutil.copytree(tiny, newer)
    content = bytearray((newer / FILE).read_bytes())
    content[CAME - 10] ^= 255
    (newer / FILE).write_bytes(content)
    hub.publish("someone/Tiny-GGUF", newer)
    assert pull(url).models[0].path.read_bytes() == content


def test_what_cannot_be_run_takes_nothing_else_along(
    hub: Hub, tiny: Path, make_gguf: Callable[..., Path]
) -> None:
    """A broken file of another repository with the same name leaves what has come of this one."""
    pull_part(hub, SPEC)
    broken = make_gguf("tiny-q8_0.gguf")
    broken.write_bytes(broken.read_bytes()[:-100])
    hub.publish("broken/Tiny-GGUF", broken.parent)
    assert "is truncated" in refusal("hf:broken/Tiny-GGUF:Q8_0")
    expect_rest(hub, SPEC, tiny)


def cached(hub: Hub, tiny: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file where the hub's own client keeps it."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(root))
    commit = hub.branches["someone/Tiny-GGUF"]["main"]
    repository = root / "models--someone--Tiny-GGUF"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    blob = repository / "blobs" / "0123"
    blob.parent.mkdir()
    shutil.copy(tiny / FILE, blob)
    (snapshot / FILE).symlink_to(blob)
    return blob


@pytest.mark.parametrize("damage", ["truncated", "wrong"])
def test_a_damaged_file_in_the_cache_of_the_hub(
    hub: Hub, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """It is noted, and the file is downloaded."""
    path = cached(hub, tiny, tmp_path / "cache", monkeypatch)
    content = bytearray(path.read_bytes())
    content[7777] ^= 255
    path.write_bytes(content[:50_000] if damage == "truncated" else content)
    notes: list[str] = []
    installed = pull(SPEC, on_progress=lambda progress: notes.append(progress.note))
    assert any("downloading it instead" in note for note in notes)
    assert installed.fetched == (tiny / FILE).stat().st_size
    assert installed.models[0].path.read_bytes() == (tiny / FILE).read_bytes()
