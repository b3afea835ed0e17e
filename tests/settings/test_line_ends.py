"""Files from Windows keep their line ends and their mark."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from localqwq.settings.file import SettingsFile
from localqwq.settings.line_ends import normalized, with_ends_of

LINES = st.lists(st.sampled_from(["", "a = 1", "# b", "[c]", "d = 'é'"]), max_size=8)
ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def raw_texts(draw: st.DrawFn) -> str:
    """Files with ends of both kinds, with the mark or without."""
    lines = draw(LINES)
    text = "".join(line + draw(ENDS) for line in lines) + draw(st.sampled_from(["", "e = 2"]))
    return draw(st.sampled_from(["", "\ufeff"])) + text


@given(raw_texts(), LINES)
def test_what_is_said_is_what_was_meant(raw: str, new: list[str]) -> None:
    """Only ends are added, and a text that did not change is the same file."""
    text = "\n".join(new)
    assert normalized(with_ends_of(raw, text)) == text
    assert with_ends_of(raw, normalized(raw)) == raw


@given(raw_texts(), LINES, st.integers(0, 8))
def test_lines_that_stay_keep_their_end(raw: str, new: list[str], place: int) -> None:
    """Whatever is put between them."""
    lines = normalized(raw).split("\n")
    place = min(place, len(lines) - 1)
    added = [f"{line} # new" for line in new]
    found = with_ends_of(raw, "\n".join([*lines[:place], *added, *lines[place:]]))
    kept = [line for line in found.removeprefix("\ufeff").split("\n") if "# new" not in line]
    assert "\n".join(kept) == raw.removeprefix("\ufeff")


def test_a_file_of_notepad(tmp_path: Path) -> None:
    """A value is changed and one is added; all else is what it was, byte for byte."""
    path = tmp_path / "settings.toml"
    before = '\ufeff# mine\r\nmodel = "demo"\r\n\r\n[sampling]\r\ntop_p = 0.9  # müde\r\n'
    path.write_bytes(before.encode())
    file = SettingsFile(path)
    assert file.read().model == "demo"
    file.change_all({"sampling.top_p": 0.8, "sampling.seed": 5})
    after = path.read_bytes().decode()
    assert after == before.replace("0.9", "0.8") + "seed = 5\r\n"
    file.change("sampling.seed", None)
    assert path.read_bytes().decode() == before.replace("0.9", "0.8")
    assert (file.read().sampling.top_p, file.problem) == (0.8, "")
