"""Rendering chat templates for another process.

    python -m localqwq.reasoning.template_process SECONDS BYTES

JSON documents come in and go out, one per line, until stdin ends. A template is a program from a
downloaded file, and even in Jinja's sandbox it can take all memory (``'x' * 10 ** 10``) or loop
forever. Here both end only this process, the latter after ``SECONDS`` of processor time.
"""

import json
from dataclasses import asdict
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.line_child import answer_lines
from localqwq.reasoning.template import render
from localqwq.reasoning.template_probe import traits_of
from localqwq.reasoning.template_traits import TemplateTraits


def answer(line: str) -> dict[str, Any]:
    """Return the ``prompt`` for the request in a line, or the ``error``.

    For a request about what a template supports, return the ``traits``.
    """
    try:
        request = json.loads(line)
        if "probe" in request:
            return {"traits": asdict(traits_of(request["probe"]))}
        traits = TemplateTraits(**request.pop("traits"))
        return {"prompt": render(**request, traits=traits)}
    except LocalqwqError as error:
        return {"error": str(error)}
    except RecursionError:
        return {"error": "The messages or the tools are nested too deeply; simplify them."}


def main() -> None:
    """Answer each line until stdin ends."""
    # ASCII, so lone surrogates survive.
    answer_lines(lambda line: json.dumps(answer(line)))


if __name__ == "__main__":
    main()
