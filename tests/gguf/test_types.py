"""ggml's tensor types, beside the ``gguf`` package's."""

import subprocess
import sys

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, LlamaFileType

from localqwq.gguf.types import BLOCKS, FILE_TYPE_NAMES, TYPE_NAMES


def test_the_same_tables() -> None:
    """No type is missing, no size differs."""
    assert {kind.value: kind.name for kind in GGMLQuantizationType} == TYPE_NAMES
    assert {kind.name: sizes for kind, sizes in GGML_QUANT_SIZES.items()} == BLOCKS
    names = {kind.value: kind.name.partition("_")[::2] for kind in LlamaFileType}
    told = {
        number: rest if first in ("MOSTLY", "ALL") else first
        for number, (first, rest) in names.items()
    }
    assert told == FILE_TYPE_NAMES


def test_a_start_does_without_the_package() -> None:
    """It brings NumPy, and nothing that reads a header needs either."""
    code = "import sys, localqwq.models.launch; print({'gguf', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
