"""The public face: what `from localqwq import …` gives."""

import subprocess
import sys

import localqwq


def test_every_public_name_is_there() -> None:
    """By attribute, by star, and in `dir`."""
    for name in localqwq.__all__:
        assert getattr(localqwq, name) is not None
    assert set(localqwq.__all__) <= set(dir(localqwq))
    found: dict[str, object] = {}
    exec("from localqwq import *", found)
    assert set(localqwq.__all__) <= set(found)


def test_nothing_heavy_comes_with_it() -> None:
    """The name alone imports neither llama.cpp nor pydantic."""
    code = "import localqwq, sys; sys.exit(bool({'llama_cpp', 'pydantic'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
