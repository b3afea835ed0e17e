"""What was measured stays with the files that it was measured of, and the latest counts."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.packs.figures import Figures
from localqwq.packs.figures_in_brief import in_brief
from localqwq.packs.manifest import Manifest, PackFile, read_manifest, write_manifest
from localqwq.packs.recording import circumstances, owner_of, record
from localqwq.packs.store.incoming import merged
from tests.machines import gpu, machine
from tests.measured import evaluation, figures, quality, speed


def file(quant: str, digit: str = "0") -> PackFile:
    """A file whose checksum consists of a digit."""
    return PackFile(
        quant=quant, path=f"tiny-{quant}.gguf", bytes=10, sha256=digit * 64, bits_per_weight=8
    )


def pack(*quants: str) -> Manifest:
    """A measured pack."""
    return Manifest(
        name="tiny",
        architecture="qwen2",
        parameters=5,
        context=2048,
        files=[file(quant) for quant in quants],
        figures=figures(*quants),
    )


def test_round_trip(tmp_path: Path) -> None:
    """What is written is read again; a pack that was not measured says nothing of it."""
    written = pack("Q8_0", "Q4_K_M")
    text = write_manifest(tmp_path, written).read_text()
    assert read_manifest(tmp_path) == written
    assert "[[figures.speeds]]" in text
    bare = written.model_copy(update={"figures": Figures()})
    assert "figures" not in write_manifest(tmp_path, bare).read_text()
    assert read_manifest(tmp_path) == bare


def test_figures_stay_with_their_files() -> None:
    """Those of a file that is replaced by another one are dropped, those of the same are not."""
    known = pack("Q8_0", "Q4_K_M")
    again = known.with_files([file("Q8_0")])
    assert again.figures.of(["Q8_0"]) == known.figures.of(["Q8_0"])
    other = known.with_files([file("Q8_0", "1")])
    assert other.figures == known.figures.of(["Q4_K_M"])
    brought = known.with_files([file("Q8_0", "1")], Figures(speeds=[speed("Q8_0"), speed("Q2_K")]))
    assert [one.quant for one in brought.figures.speeds] == ["Q4_K_M", "Q8_0"]
    rest = known.without("Q8_0")
    assert rest is not None
    assert (rest.quants, rest.figures) == (["Q4_K_M"], known.figures.of(["Q4_K_M"]))


def test_an_installed_pack_learns_what_arrives() -> None:
    """With another quantization come its figures; what was measured here is not lost."""
    here = pack("Q8_0")
    found = merged(here, pack("Q4_K_M"))
    assert {one.quant for one in found.figures.quality} == {"Q8_0", "Q4_K_M"}
    bare = pack("Q8_0").model_copy(update={"figures": Figures()})
    assert merged(here, bare).figures == here.figures


DATES = st.lists(st.dates().map(str), min_size=1, max_size=6)


@given(known=DATES, new=DATES)
def test_the_latest_counts(known: list[str], new: list[str]) -> None:
    """One figure is left of each kind; figures of other kinds stay beside it."""
    one, other = (
        Figures(speeds=[speed(date=date)], quality=[quality(suite=date)])
        for date in (known[0], new[0])
    )
    found = one.joined(other)
    assert [speed.date for speed in found.speeds] == [max(known[0], new[0])]
    assert len(found.quality) == len({known[0], new[0]})
    assert found.joined(found) == found


def test_recording(tmp_path: Path) -> None:
    """The pack of a file is found by its manifest, and has the figures afterwards."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    bare = pack("Q8_0").model_copy(update={"figures": Figures()})
    write_manifest(folder, bare)
    owner = owner_of(folder / "tiny-Q8_0.gguf")
    assert owner is not None
    assert (owner.folder, owner.quant) == (folder, "Q8_0")
    assert owner_of(folder / "another.gguf") is owner_of(tmp_path / "alone.gguf") is None
    record(folder, figures("Q8_0", "Q2_K"))
    record(folder, Figures(evaluations=[evaluation(accuracy=0.5, low=0.4)]))
    found = read_manifest(folder).figures
    assert [one.quant for one in found.quality] == ["Q8_0"]
    assert [one.accuracy for one in found.evaluations] == [0.5]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """One sentence."""
    write_manifest(tmp_path, pack("Q8_0"))
    tmp_path.chmod(0o500)
    with pytest.raises(LocalqwqError, match="Cannot write"):
        record(tmp_path, figures("Q8_0"))
    tmp_path.chmod(0o700)


def test_circumstances() -> None:
    """Devices are named, paths of this machine are not."""
    found = circumstances(machine(1 << 34, gpu(1 << 34)), ["quality", "tiny", "--text", "/a/b c"])
    assert found["machine"] == "a processor, 8 cores, a graphics card"
    assert found["command"] == "localqwq quality tiny --text 'b c'"


def test_in_brief() -> None:
    """A line for each figure of one quantization."""
    assert list(in_brief(figures("Q8_0", "Q4_K_M"), "Q4_K_M")) == [
        "KL divergence 0.0552 from tiny:BF16, same top word 93.9%, on sums.txt",
        "75.0% right (60.0% to 86.0%) in aime24",
        "12.5 tokens/s on a processor, 2 cores",
    ]
    assert not list(in_brief(figures("Q8_0"), "Q2_K"))
