"""Conversions that were killed, interrupted or damaged go on and make the same bytes."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq_convert.pipeline import convert
from localqwq_convert.report import Progress
from tests.checkpoints import make_checkpoint

QUANTS = ("Q8_0", "Q4_K_M")
LIMIT = 700_000
"""Splits both into some parts."""
KILLED = """
import os, signal, sys
from pathlib import Path
from localqwq_convert.pipeline import convert

left = int(sys.argv[3])

def kill(state):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), int(sys.argv[5]))

limit = int(sys.argv[4]) or None
convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[6:], split_max_bytes=limit, progress=kill)
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint that no test changes."""
    return make_checkpoint(tmp_path_factory.mktemp("resume") / "small")


@pytest.fixture(scope="module")
def whole(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an undisturbed conversion makes of it."""
    output = tmp_path_factory.mktemp("whole")
    convert(checkpoint, output, QUANTS)
    return output


def contents(directory: Path) -> dict[str, bytes]:
    """Every file of a directory, hidden ones too."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def kill_after(
    checkpoint: Path,
    output: Path,
    chunks: int,
    limit: int = 0,
    number: signal.Signals = signal.SIGKILL,
) -> None:
    """Convert in a process of its own, which gets a signal when so many chunks are written."""
    arguments = [str(checkpoint), str(output), str(chunks), str(limit), str(int(number)), *QUANTS]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], check=False, stderr=subprocess.DEVNULL
    )
    assert done.returncode == -number


def interrupt(checkpoint: Path, output: Path, part: float, quants: Sequence[str] = QUANTS) -> None:
    """Convert with ``resume`` up to a part of the whole."""

    def stop(state: Progress) -> None:
        if state.done_bytes >= part * state.total_bytes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(checkpoint, output, quants, resume=True, progress=stop)


@pytest.mark.parametrize("chunks", [1, 9, 20, 26])
def test_a_killed_conversion_goes_on(
    checkpoint: Path, whole: Path, tmp_path: Path, chunks: int
) -> None:
    """Whenever it was killed, nothing is under a final name, and the result is the same."""
    kill_after(checkpoint, tmp_path, chunks)
    assert all(name.startswith(".") for name in contents(tmp_path))
    seen: list[Progress] = []
    convert(checkpoint, tmp_path, QUANTS, resume=True, progress=seen.append)
    assert contents(tmp_path) == contents(whole)
    # The tensors that were finished are not converted again.
    assert len(seen) <= 26 - chunks + 1
    assert all(state.skipped_bytes > 0 for state in seen)


def test_a_killed_conversion_into_parts_goes_on(checkpoint: Path, tmp_path: Path) -> None:
    """Parts that were complete stay, the others follow."""
    kill_after(checkpoint, tmp_path / "killed", 18, LIMIT)
    convert(checkpoint, tmp_path / "killed", QUANTS, resume=True, split_max_bytes=LIMIT)
    convert(checkpoint, tmp_path / "whole", QUANTS, split_max_bytes=LIMIT)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_without_resume_it_begins_anew(checkpoint: Path, whole: Path, tmp_path: Path) -> None:
    """An ordinary conversion is not disturbed by what a killed one left, and removes it."""
    kill_after(checkpoint, tmp_path, 18, LIMIT)
    seen: list[Progress] = []
    convert(checkpoint, tmp_path, QUANTS, progress=seen.append)
    assert contents(tmp_path) == contents(whole)
    assert seen[0].skipped_bytes == 0


@pytest.fixture(scope="module")
def unfinished(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an interrupted conversion leaves."""
    output = tmp_path_factory.mktemp("unfinished")
    interrupt(checkpoint, output, 0.8)
    assert len(contents(output)) == 4
    return output


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_made_good(
    checkpoint: Path, whole: Path, unfinished: Path, data: st.DataObject
) -> None:
    """Lost, torn and altered ends and middles of files and journals do no harm."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "out"
        shutil.copytree(unfinished, output)
        for path in sorted(output.iterdir()):
            content = bytearray(path.read_bytes())
            # The journal's first line says whose it is: altered, it is another conversion's.
            first = content.index(b"\n") + 1 if path.suffix == ".journal" else 0
            place = data.draw(st.integers(first, len(content) - 1), label=path.name)
            match data.draw(st.sampled_from(["keep", "cut", "alter", "grow", "remove"])):
                case "cut":
                    del content[place:]
                case "alter":
                    content[place] ^= 1
                case "grow":
                    content += bytes(place)
                case "remove":
                    path.unlink()
                    continue
            path.write_bytes(content)
        convert(checkpoint, output, QUANTS, resume=True)
        assert contents(output) == contents(whole)


def test_an_interrupt_leaves_nothing(checkpoint: Path, tmp_path: Path) -> None:
    """Without ``resume``, Ctrl-C removes whatever was begun."""
    kill_after(checkpoint, tmp_path, 15, number=signal.SIGINT)
    assert contents(tmp_path) == {}


def test_interrupted_again_and_again(checkpoint: Path, whole: Path, tmp_path: Path) -> None:
    """Each call goes on where the last one stopped."""
    for part in (0.2, 0.5, 0.9):
        interrupt(checkpoint, tmp_path, part)
    convert(checkpoint, tmp_path, QUANTS, resume=True)
    assert contents(tmp_path) == contents(whole)


def test_another_quantization_joins(checkpoint: Path, whole: Path, tmp_path: Path) -> None:
    """Outputs go on each from its own tensor."""
    interrupt(checkpoint, tmp_path, 0.6, ["Q4_K_M"])
    convert(checkpoint, tmp_path, QUANTS, resume=True)
    assert contents(tmp_path) == contents(whole)


def test_with_nothing_there_it_begins(checkpoint: Path, whole: Path, tmp_path: Path) -> None:
    """``resume`` may always be asked for."""
    convert(checkpoint, tmp_path / "out", QUANTS, resume=True)
    assert contents(tmp_path / "out") == contents(whole)


def test_other_options_do_not_fit(unfinished: Path, checkpoint: Path, tmp_path: Path) -> None:
    """What is there is another conversion's, which is said and left alone."""
    output = tmp_path / "out"
    shutil.copytree(unfinished, output)
    before = contents(output)
    with pytest.raises(LocalqwqError, match=r"Cannot resume .*started from another checkpoint"):
        convert(checkpoint, output, QUANTS, resume=True, quantized_by="somebody")
    assert contents(output) == before


def test_changed_weights_do_not_fit(unfinished: Path, checkpoint: Path, tmp_path: Path) -> None:
    """Two checkpoints of the same shape are never mixed into one file."""
    output = tmp_path / "out"
    shutil.copytree(unfinished, output)
    other = make_checkpoint(tmp_path / "small", seed=1)
    with pytest.raises(LocalqwqError, match="started from another checkpoint"):
        convert(other, output, QUANTS, resume=True)
