"""The settings file: comments stay, wrong values cost a sentence, nothing is ever lost."""

import errno
import tempfile
import tomllib
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.settings.document import changed
from localqwq.settings.file import SettingsFile
from localqwq.settings.schema import Settings
from localqwq.settings.sections import EndpointSettings, Preset
from localqwq.settings.template import commented_settings

WRITTEN = """\
# mine
model = "demo"  # the small one

[sampling]
temperature = 0.7  # warm
top_p = 0.9

[prompts]
system = \"\"\"
# top_k = 3
\"\"\"

[[endpoints]]
name = "a"  # first
url = "http://a"
"""


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    """A settings file that does not exist yet."""
    return SettingsFile(tmp_path / "deep" / "settings.toml")


@pytest.fixture
def written(tmp_path: Path) -> SettingsFile:
    """A file that somebody wrote."""
    path = tmp_path / "settings.toml"
    path.write_text(WRITTEN, encoding="utf-8")
    return SettingsFile(path)


def test_no_file(file: SettingsFile) -> None:
    """Defaults, without a problem, and nothing is written."""
    assert file.read() == Settings()
    assert file.peek("appearance.theme") is None
    assert (file.problem, file.path.exists()) == ("", False)


def test_the_commented_file_sets_nothing() -> None:
    """All of it are comments and sections; each example can be uncommented."""
    assert Settings.model_validate(tomllib.loads(commented_settings())) == Settings()
    lines = commented_settings().split("\n")
    examples = [line.removeprefix("#") for line in lines if " = " in line and "`" not in line]
    assert len(examples) > 25
    for example in examples:
        assert tomllib.loads(example)


def test_the_first_change_writes_the_explained_file(file: SettingsFile) -> None:
    """The value takes the place of its example; all other lines stay."""
    assert file.change("sampling.temperature", 0.5).sampling.temperature == 0.5
    text = file.path.read_text(encoding="utf-8")
    assert text == commented_settings().replace("# temperature = 0.6", "temperature = 0.5")
    assert SettingsFile(file.path).read() == file.read()


def test_changes_keep_everything_else(written: SettingsFile) -> None:
    """Comments, order and values stay; a new value joins its section; None takes one out."""
    written.change("sampling.temperature", 0.6)
    written.change_all({"sampling.top_k": 30, "sampling.top_p": None, "thinking.keep": True})
    assert written.path.read_text(encoding="utf-8") == (
        WRITTEN.replace("temperature = 0.7 ", "temperature = 0.6 ").replace(
            "top_p = 0.9\n", "top_k = 30\n"
        )
        + "\n[thinking]\nkeep = true\n"
    )
    assert written.read().sampling.model_dump(exclude_none=True) == {
        "temperature": 0.6,
        "top_k": 30,
    }
    assert written.problem == ""


def test_entries_are_changed_in_place(written: SettingsFile) -> None:
    """Endpoints, presets and keys; the comments of entries that stay, stay."""
    a = EndpointSettings(name="a", url="http://a/v1", model="m")
    b = EndpointSettings(name="b", url="https://b", key_env="B_KEY")
    written.change("endpoints", [a, b])
    written.change("prompts.presets", {"my verse": Preset(system="a\nb", prompt='"\\x"')})
    changed = written.change("keys", {"answer_now": "ctrl+y"})
    assert changed.endpoints == [a, b]
    assert changed.prompts.presets["my verse"] == Preset(system="a\nb", prompt='"\\x"')
    assert changed.keys == {"answer_now": "ctrl+y"}
    assert 'name = "a"  # first' in written.path.read_text(encoding="utf-8")
    assert written.change("endpoints", [b]).endpoints == [b]
    assert written.change("endpoints", None).endpoints == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sampling\n", "is not valid TOML"),
        ("a = " + "[" * 10_000, "is not valid TOML"),
        ("[sampling]\ntop_p = 2\n", "sampling.top_p must be a number from 0 to 1"),
        ("[sampling]\ntopp = 2\n", "there is no setting sampling.topp"),
        ("sampling = 3\n[thinking]\nbudget = 'x'\n", "(1 more like this)"),
    ],
)
def test_what_is_wrong_is_told(file: SettingsFile, text: str, says: str) -> None:
    """One sentence with the file's name; defaults; the file stays as it is."""
    file.path.parent.mkdir()
    file.path.write_text(text, encoding="utf-8")
    assert file.read() == Settings()
    assert file.problem.startswith(str(file.path))
    assert says in file.problem
    assert file.problem.count("\n") == 0
    assert file.path.read_text(encoding="utf-8") == text


def test_bytes_that_are_no_text_and_files_that_are_none(file: SettingsFile) -> None:
    """A sentence, and defaults."""
    file.path.parent.mkdir()
    file.path.write_bytes(b"model = '\xff'")
    assert file.read() == Settings()
    assert "not UTF-8" in file.problem
    folder = SettingsFile(file.path.parent)
    assert folder.read() == Settings()
    assert "cannot be read" in folder.problem
    with pytest.raises(LocalqwqError, match="cannot be read"):
        folder.change("model", "demo")


@pytest.mark.parametrize("text", ["[sampling\n", "sampling = 3\n"])
def test_a_broken_file_is_not_written_over(file: SettingsFile, text: str) -> None:
    """A change is refused until it is repaired by hand."""
    file.path.parent.mkdir()
    file.path.write_text(text, encoding="utf-8")
    with pytest.raises(LocalqwqError, match=r"correct it first|by hand"):
        file.change("sampling.top_k", 3)
    assert file.path.read_text(encoding="utf-8") == text


def test_wrong_values_are_not_written(written: SettingsFile) -> None:
    """The sentence of the schema; the file stays."""
    with pytest.raises(LocalqwqError, match="must be a number"):
        written.change_all({"model": "x", "sampling.temperature": 1000})
    assert written.path.read_text(encoding="utf-8") == WRITTEN


def test_changes_by_hand_are_noticed(written: SettingsFile) -> None:
    """Those of others; not those of one's own."""
    written.read()
    assert not written.is_changed()
    written.change("model", None)
    assert not written.is_changed()
    written.path.write_text("model = 'other'", encoding="utf-8")
    assert written.is_changed()
    assert written.read().model == "other"
    written.path.unlink()
    assert written.is_changed()
    assert written.read().model is None
    assert not written.is_changed()


def test_links_and_permissions_stay(written: SettingsFile, tmp_path: Path) -> None:
    """People keep such files elsewhere and link to them."""
    written.path.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(written.path)
    SettingsFile(link).change("model", "x")
    assert link.is_symlink()
    assert written.read().model == "x"
    assert written.path.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.toml", "settings.toml"]


def test_a_value_for_the_first_paint(written: SettingsFile) -> None:
    """Raw and unchecked; nothing where the file has another form."""
    assert written.peek("sampling.temperature") == 0.7
    assert written.peek("model.name") is None
    assert written.peek("keys") is None


KEYS = {
    "model": st.text(max_size=8),
    "sampling.top_k": st.integers(-1, 100),
    "sampling.temperature": st.floats(0, 100),
    "thinking.keep": st.booleans(),
    "prompts.system": st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    "keys": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
}
CHANGES = st.fixed_dictionaries({}, optional={k: st.none() | v for k, v in KEYS.items()})


@hypothesis.settings(max_examples=60)
@given(st.lists(CHANGES, max_size=3), st.sampled_from(["", WRITTEN, commented_settings()]))
def test_any_changes_of_a_document(several: list[dict[str, object]], text: str) -> None:
    """The document says what was set, and what it said besides; comments are still there."""
    expected = tomllib.loads(text)
    for changes in several:
        after = changed(text, changes)
        assert after is not None
        for key, value in changes.items():
            section, _, name = key.rpartition(".")
            table = expected.setdefault(section, {}) if section else expected
            table.pop(name, None)
            if value is not None:
                table[name] = value
        found = tomllib.loads(after)
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in expected.items() if v}
        text = after
    assert text.count("# mine") in (0, 1)


def test_a_patient_file_takes_changes_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count at once, are told of, and are written when that works; others' stay."""
    path = tmp_path / "settings.toml"
    path.write_text("# mine\n[sampling]\ntop_p = 0.5\n")
    file = SettingsFile(path, patient=True)

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", full)
        assert file.change("sampling.top_k", 7).sampling.top_k == 7
        assert file.trouble == (
            f"{path} cannot be written (No space left on device). "
            "The changes are in effect and will be written later."
        )
        assert file.change("sampling.top_p", None).sampling.top_k == 7
        file.retry()
        assert file.trouble
        assert file.left() == f"{path} could not be written; it lacks sampling.top_k = 7, " + (
            "sampling.top_p = None."
        )
        assert path.read_text() == "# mine\n[sampling]\ntop_p = 0.5\n"
        assert file.read().sampling.top_k == 7
        with pytest.raises(LocalqwqError, match="nothing was changed"):
            SettingsFile(path).change("sampling.top_k", 7)
    path.write_text("# mine\n[sampling]\ntop_p = 0.5\nmin_p = 0.25\n")
    file.retry()
    assert (file.trouble, file.left()) == ("", "")
    sampling = SettingsFile(path).read().sampling
    assert (sampling.top_k, sampling.min_p) == (7, 0.25)
    assert "# mine" in path.read_text()
    assert "top_p" not in path.read_text()
