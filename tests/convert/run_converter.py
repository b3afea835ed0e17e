"""Runs llama.cpp's own converter on a checkpoint with a vocabulary that it does not know.

``python -m tests.convert.run_converter SOURCE PRE …``: SOURCE is a folder with llama.cpp's source,
PRE the name of the pre-tokenizer, which the converter looks up by the tokens of a text and so
knows of whole vocabularies only; the rest are its own arguments.
"""

import importlib
import runpy
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Run it as its own main program."""
    source, pre, *rest = sys.argv[1:]
    script = Path(source) / "convert_hf_to_gguf.py"
    sys.path[:0] = [source, str(Path(source) / "gguf-py")]
    base: Any = importlib.import_module("conversion.base")
    base.TextModel.get_vocab_base_pre = lambda model, tokenizer: pre
    sys.argv = [str(script), *rest]
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
