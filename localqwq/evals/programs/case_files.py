"""The tests of LiveCodeBench's problems: one file for each, made from what the hub has."""

import base64
import hashlib
import io
import json
import pickle
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.evals.programs.program import Cases

_MOST_BYTES = 1 << 30
"""Of the tests of one problem, unpacked."""


class _StringsOnly(pickle.Unpickler):
    """Reads a text that was pickled, and nothing that would have to be imported."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not text")


def case_file(row: Mapping[str, Any]) -> str:
    """Return what QwQ's makers store as the tests of a problem, from its row of the hub.

    Raises ``ValueError`` if the row is damaged or holds anything but texts.
    """
    tests = [
        *json.loads(row["public_test_cases"]),
        *_private_tests(row["private_test_cases"]),
    ]
    cases = {
        "inputs": [test["input"] for test in tests],
        "outputs": [test["output"] for test in tests],
        "fn_name": json.loads(row["metadata"]).get("func_name"),
    }
    return json.dumps({"input_output": json.dumps(cases)})


def md5_of(text: str) -> str:
    """Return the checksum by which the makers' prompts name the tests."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def read_cases(path: Path, md5: str) -> Cases:
    """Return the tests in a file; raises ``LocalqwqError`` if they are not there or others."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise LocalqwqError(f"{path} cannot be read, which has the tests of a problem.") from None
    if md5_of(text) != md5:
        raise LocalqwqError(f"{path} has other tests than those that are known here.")
    found = json.loads(json.loads(text)["input_output"])
    return Cases(found["inputs"], found["outputs"], found["fn_name"])


def _private_tests(text: str) -> list[Any]:
    try:
        return list(json.loads(text))
    except ValueError:
        pass
    unpacker = zlib.decompressobj()
    try:
        packed = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_BYTES)
        if unpacker.unconsumed_tail:
            raise ValueError("there are more than 1 GiB of tests")
        found = _StringsOnly(io.BytesIO(packed)).load()
    except (zlib.error, pickle.UnpicklingError, EOFError, IndexError, KeyError) as error:
        raise ValueError(f"the tests are damaged, or are not text: {error}") from None
    if not isinstance(found, str):
        raise ValueError("the tests are not text")
    return list(json.loads(found))
