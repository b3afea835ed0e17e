"""What a command says when it refuses is something that the same command can do."""

import re
from pathlib import Path

import pytest

from localqwq.cli.main import main

_OPTION = re.compile(r"--[a-z][a-z-]+")
RESERVED = ("--reserve", "100000G")
"""No machine has so much memory."""


@pytest.mark.parametrize(
    ("words", "is_shorter_of_use"),
    [
        (["ask", "-m", "MODEL", "--ctx", "512", "Hello"], True),
        (["ask", "-m", "MODEL", "Hello"], False),
        (["bench", "MODEL", "--ctx", "512"], True),
        (["eval", "arithmetic", "MODEL", "--ctx", "512"], True),
        (["imatrix", "MODEL", "-o", "FOLDER/x.gguf", "--own-thoughts", "1"], False),
        (["quality", "MODEL", "--own-thoughts", "1"], False),
        (["quality", "MODEL", "--text", "FOLDER/text.txt"], False),
    ],
)
def test_options_that_the_command_has(
    words: list[str],
    *,
    is_shorter_of_use: bool,
    demo_gguf: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A model that does not fit is refused, with no option that another command has."""
    (tmp_path / "text.txt").write_text("So many words are here. " * 500)
    assert main([words[0], "--help"]) == 0
    known = set(_OPTION.findall(capsys.readouterr().out))
    assert set(RESERVED[:1]) < known
    places = {"MODEL": str(demo_gguf), "FOLDER": str(tmp_path)}
    given = [re.sub("MODEL|FOLDER", lambda found: places[found[0]], word) for word in words]
    assert main([*given, *RESERVED]) == 1
    said = capsys.readouterr().err
    assert "a smaller quantization or model" in said
    assert ("a shorter context" in said) == is_shorter_of_use
    assert set(_OPTION.findall(said)) <= known
