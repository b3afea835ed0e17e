"""The prompts of IFEval, as QwQ's makers publish them."""

import json
from collections.abc import Iterator
from pathlib import Path

from localqwq.evals.ifeval import language
from localqwq.evals.ifeval.compliance import Instruction, written
from localqwq.evals.problem import Problem


def prompts(path: Path) -> Iterator[Problem]:
    """Yield the problems of a file; raises ``LocalqwqError`` where they could not be judged.

    Each line is a JSON object with a ``prompt``, the kinds of its instructions and their arguments.
    """
    language.require()
    for place, line in enumerate(path.read_bytes().splitlines(), 1):
        found = json.loads(line)
        pairs = zip(found["instruction_id_list"], found["kwargs"], strict=True)
        instructions = [Instruction(kind, arguments) for kind, arguments in pairs]
        yield Problem(str(place), found["prompt"], written(instructions), "instructions")
