"""Why llama.cpp cannot be loaded is a sentence with the way out."""

import pytest

from localqwq.engine.llama.library import _why_not_loaded
from localqwq.installation.origin import rebuild_command

LIBRARY = "Failed to load shared library '/venv/lib/libllama.so': "


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            f"{LIBRARY}libcublas.so.13: cannot open shared object file: No such file or directory",
            "libcublas.so.13, which it was compiled against, is missing: install it or add",
        ),
        ("No module named 'llama_cpp'", "cannot be loaded (No module named 'llama_cpp')"),
    ],
)
def test_why_it_is_not_loaded(said: str, words: str) -> None:
    """A library of the GPU's toolkit that is gone is named; anything else is told as it was."""
    sentence = _why_not_loaded(said)
    assert words in sentence
    assert sentence.endswith(rebuild_command())
