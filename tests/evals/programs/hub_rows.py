"""Rows of the hub's data set, as LiveCodeBench's authors store them."""

import base64
import json
import pickle
import zlib
from typing import Any


def packed(value: object) -> str:
    """Return how private tests are stored: pickled, compressed, as text."""
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def row(name: str, private: str, function: str | None = None) -> dict[str, Any]:
    """Return a row with one public test, which adds one, and private ones."""
    public = [{"input": "1", "output": "2", "testtype": "stdin"}]
    return {
        "question_id": name,
        "public_test_cases": json.dumps(public),
        "private_test_cases": private,
        "metadata": json.dumps({"func_name": function} if function else {}),
    }


def private_tests(*pairs: tuple[str, str]) -> str:
    """Return tests with these inputs and outputs as JSON."""
    return json.dumps(
        [{"input": given, "output": right, "testtype": "stdin"} for given, right in pairs]
    )
