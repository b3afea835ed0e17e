"""An output's files appear whole and together, or not at all."""

import hashlib
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.header import OutputTensor
from localqwq_convert.output import OutputWriter
from localqwq_convert.plan import PlannedFile, PlannedOutput

DATA = (b"a" * 40, b"b" * 64, b"c" * 4)
"""The tensors' data; two of them need padding."""


def planned(directory: Path, *parts: int) -> PlannedOutput:
    """An output whose files hold so many of the tensors each."""
    tensors = [
        OutputTensor(f"t{index}", (len(data) // 4,), "F32") for index, data in enumerate(DATA)
    ]
    files, first = [], 0
    for number, count in enumerate(parts, start=1):
        name = f"x-F32-{number:05}-of-{len(parts):05}.gguf" if len(parts) > 1 else "x-F32.gguf"
        header = (b"head", b"er" + bytes(26))
        files.append(PlannedFile(directory / name, header, tensors[first : first + count]))
        first += count
    return PlannedOutput("F32", directory, "x-F32", tuple(files))


def write(writer: OutputWriter, upto: int = len(DATA)) -> None:
    """Write what is missing of the first tensors."""
    for data in DATA[writer.finished : upto]:
        writer.write(data[:30])
        writer.write(memoryview(data)[30:])
        writer.finish_tensor()


def names(directory: Path) -> list[str]:
    """Everything in a directory, hidden files too."""
    return sorted(path.name for path in directory.iterdir())


WHOLE = b"header" + bytes(26) + DATA[0] + bytes(24) + DATA[1] + DATA[2] + bytes(28)


def test_a_committed_output_has_its_name_and_content(tmp_path: Path) -> None:
    """Nothing is under the name before, everything after, and the hash is the content's."""
    with OutputWriter(planned(tmp_path, 3), "fingerprint") as writer:
        assert writer.missing_bytes == len(WHOLE)
        write(writer)
        assert names(tmp_path) == [".x-F32.gguf.partial", ".x-F32.journal"]
        writer.sync()
        writer.commit()
    assert (tmp_path / "x-F32.gguf").read_bytes() == WHOLE
    assert writer.hashes == [hashlib.sha256(WHOLE).hexdigest()]
    assert names(tmp_path) == ["x-F32.gguf"]


def test_parts_appear_together(tmp_path: Path) -> None:
    """Each part has a header and a hash of its own."""
    with OutputWriter(planned(tmp_path, 1, 2), "fingerprint") as writer:
        write(writer)
        assert not [name for name in names(tmp_path) if not name.startswith(".")]
        writer.sync()
        writer.commit()
    assert names(tmp_path) == ["x-F32-00001-of-00002.gguf", "x-F32-00002-of-00002.gguf"]
    contents = [(tmp_path / name).read_bytes() for name in names(tmp_path)]
    assert contents == [WHOLE[:96], WHOLE[:32] + WHOLE[96:]]
    assert writer.hashes == [hashlib.sha256(content).hexdigest() for content in contents]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    """The old file stays, the partial one goes."""
    (tmp_path / "x-F32.gguf").write_bytes(b"old")
    with pytest.raises(error), OutputWriter(planned(tmp_path, 3), "fingerprint") as writer:
        write(writer, 2)
        raise error
    assert (tmp_path / "x-F32.gguf").read_bytes() == b"old"
    assert names(tmp_path) == ["x-F32.gguf"]


def test_two_writers_of_one_output(tmp_path: Path) -> None:
    """The second is told to wait, however it splits, and the first is not disturbed."""
    with OutputWriter(planned(tmp_path, 3), "fingerprint") as first:
        write(first, 1)
        second = OutputWriter(planned(tmp_path, 1, 2), "fingerprint")
        with pytest.raises(LocalqwqError, match="Another process is writing"), second:
            pass
        write(first)
        first.sync()
        first.commit()
    assert (tmp_path / "x-F32.gguf").read_bytes() == WHOLE


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """Stale files are in nobody's way, and take no room for ever."""
    for name in (
        ".x-F32.gguf.partial",
        ".x-F32-00001-of-00003.gguf.partial",
        ".x-F32.journal",
        ".x-F32-other.gguf.partial",
    ):
        (tmp_path / name).write_bytes(b"a longer leftover" * 30)
    with OutputWriter(planned(tmp_path, 1, 2), "fingerprint") as writer:
        write(writer)
        writer.commit()
    assert names(tmp_path) == [
        ".x-F32-other.gguf.partial",
        "x-F32-00001-of-00002.gguf",
        "x-F32-00002-of-00002.gguf",
    ]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """The system's error is a sentence."""
    writer = OutputWriter(planned(tmp_path / "no", 3), "fingerprint")
    with pytest.raises(LocalqwqError, match="Cannot write"), writer:
        pass


@pytest.mark.parametrize("parts", [(3,), (1, 2), (2, 1), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_resumed_output_has_the_same_content(
    tmp_path: Path, parts: tuple[int, ...], kept: int
) -> None:
    """Finished tensors are not written again; one that was begun is."""
    with OutputWriter(planned(tmp_path, *parts), "fingerprint", resume=True) as writer:
        write(writer, kept)
        if kept < len(DATA):
            writer.write(b"half")
    assert ".x-F32.journal" in names(tmp_path)
    with OutputWriter(planned(tmp_path, *parts), "fingerprint", resume=True) as writer:
        assert writer.finished == kept
        write(writer)
        writer.sync()
        writer.commit()
    with OutputWriter(planned(tmp_path, *parts), "fingerprint") as again:
        write(again)
    assert writer.hashes == again.hashes
    contents = [(tmp_path / name).read_bytes() for name in names(tmp_path)]
    assert writer.hashes == [hashlib.sha256(content).hexdigest() for content in contents]


def test_nothing_is_kept_of_an_output_without_a_tensor(tmp_path: Path) -> None:
    """There is nothing to go on with."""
    with OutputWriter(planned(tmp_path, 3), "fingerprint", resume=True) as writer:
        writer.write(b"some")
    assert names(tmp_path) == []


def test_something_else_is_not_resumed(tmp_path: Path) -> None:
    """What is there is left as it is, and the way out is named."""
    with OutputWriter(planned(tmp_path, 3), "fingerprint", resume=True) as writer:
        write(writer, 2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = OutputWriter(planned(tmp_path, 3), "another", resume=True)
    with pytest.raises(LocalqwqError, match="convert without --resume to start over"), other:
        pass
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
