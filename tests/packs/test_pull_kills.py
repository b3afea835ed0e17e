"""Whenever a pull is killed, the store is right, and the next pull completes it."""

import subprocess
import sys
import threading
from pathlib import Path

from localqwq.packs.download.chunks import Chunks
from localqwq.packs.download.meter import Progress
from localqwq.packs.pull import Installed, pull
from tests.hub_server import Fault, Hub
from tests.packs.test_pull_resume import FILE, PULL, SPEC, expect_whole, journal, starts

ROOT = Path(__file__).parents[2]


def test_kill_9_before_every_change_of_the_disk(hub: Hub, tiny: Path) -> None:
    """From the first folder to the last file that is removed, installation and all."""
    url = f"{hub.url}/plain/someone/Tiny-GGUF/{FILE}"
    command = [sys.executable, "-m", "tests.packs.killed_pulls", url]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    killed_at = ran.stdout.splitlines()
    assert any(line.startswith("os.link") for line in killed_at)
    assert any(line.startswith("os.rename") and "pack.toml" in line for line in killed_at)
    assert any(line.startswith("os.rmdir") for line in killed_at)


def test_who_waits_goes_on_when_the_other_is_killed(hub: Hub, tiny: Path) -> None:
    """Two processes want the same model: the second takes over all whole chunks of the first."""
    chunk = Chunks.of(1).size
    hub.faults[FILE] = [Fault(hold=3 * chunk + 1000)]
    outcomes: list[Installed] = []
    with subprocess.Popen([sys.executable, "-c", PULL, SPEC]) as first:
        while not ((path := journal()) and path.read_text().count("\n") >= 1 + 2 * 3):
            assert first.poll() is None
            hub.go_on.wait(0.01)  # nobody sets it: a pause

        def watch(progress: Progress) -> None:
            if progress.stage == "waiting":
                first.kill()

        second = threading.Thread(target=lambda: outcomes.append(pull(SPEC, on_progress=watch)))
        second.start()
        second.join(60)
    [outcome] = outcomes
    assert starts(hub) == [0, 3 * chunk]
    assert outcome.fetched == (tiny / FILE).stat().st_size - 3 * chunk
    expect_whole(tiny)
