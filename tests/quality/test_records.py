"""Records on disk: whole ones only, whatever happened to the file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.quality.records import Records
from localqwq.quality.reference import Form, form_for

SIZE = 7


def written(path: Path, count: int) -> None:
    """Make a file of some records."""
    path.unlink(missing_ok=True)
    with Records(path, "work", SIZE) as records:
        for number in range(count):
            records.append(bytes([number]) * SIZE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4), st.integers(0, 60), st.binary(max_size=9))
def test_a_cut_or_extended_file_keeps_whole_records(
    tmp_path: Path, count: int, cut: int, added: bytes
) -> None:
    """They are a beginning of what was written, and the file goes on after them."""
    path = tmp_path / "records"
    written(path, count)
    data = path.read_bytes()
    path.write_bytes(data[: max(0, len(data) - cut)] + added)
    with Records(path, "work", SIZE) as records:
        kept = len(records)
        assert kept <= count or added
        for number in range(min(kept, count)):
            assert records[number] == bytes([number]) * SIZE
        records.append(b"another")
        assert records[kept] == b"another"


def test_other_work_starts_anew(tmp_path: Path) -> None:
    """Records of another model or text say nothing."""
    written(tmp_path / "records", 3)
    with Records(tmp_path / "records", "other work", SIZE) as records:
        assert len(records) == 0


def test_two_processes_do_not_share_a_file(tmp_path: Path) -> None:
    """One waits, and is told so."""
    with (
        Records(tmp_path / "records", "work", SIZE),
        pytest.raises(LocalqwqError, match="Another process"),
        Records(tmp_path / "records", "work", SIZE),
    ):
        pass


def test_damage_is_told(tmp_path: Path) -> None:
    """Within the file, where nothing can be cut off."""
    path = tmp_path / "records"
    written(path, 3)
    data = bytearray(path.read_bytes())
    data[-3 * (SIZE + 4)] ^= 1
    path.write_bytes(data)
    with Records(path, "work", SIZE) as records, pytest.raises(LocalqwqError, match="damaged"):
        records[0]


@given(st.integers(300, 150_000), st.integers(2, 500), st.integers(1 << 20, 1 << 34))
def test_a_form_fits(vocabulary: int, chunks: int, limit: int) -> None:
    """In full if possible, and never beyond the limit."""
    try:
        form = form_for(vocabulary, chunks, limit)
    except LocalqwqError:
        assert Form(vocabulary).total(chunks) > limit
        return
    assert form.total(chunks) <= limit
    assert (form.words is None) == (Form(vocabulary).total(chunks) <= limit)
