"""The version of llama-cpp-python, which brings llama.cpp."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_STATED = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)


@cache
def llama_version() -> str:
    """Return the version, without importing the package: that takes long.

    Reading the package's metadata takes long, too, so the line that states the version comes first.
    """
    package = find_spec("llama_cpp")
    if package is not None and package.origin is not None:
        stated = _STATED.search(Path(package.origin).read_text(encoding="utf-8"))
        if stated is not None:
            return stated[1]
    import importlib.metadata

    return importlib.metadata.version("llama_cpp_python")
