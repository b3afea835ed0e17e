"""Why llama.cpp cannot be loaded is a sentence with the way out; how it is loaded."""

import subprocess
import sys
from pathlib import Path

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


def test_the_whole_binding_beside_ours(tmp_path: Path) -> None:
    """Whoever imports all of it later gets all of it, and llama.cpp's words still reach us."""
    code = """
import sys
from localqwq.engine.llama.library import binding, clear_errors, last_error

llama = binding()
assert "llama_cpp" not in sys.modules and "numpy" not in sys.modules
import llama_cpp

assert llama_cpp.llama_cpp is llama and llama_cpp.Llama
clear_errors()
params = llama.llama_model_default_params()
assert not llama.llama_model_load_from_file(sys.argv[1].encode(), params)
print(last_error())
"""
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF")
    command = [sys.executable, "-c", code, str(path)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert ran.stdout.strip()
