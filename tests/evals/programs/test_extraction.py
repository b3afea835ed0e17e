"""Which program an answer has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.evals.programs.extraction import program_of

CODE = "def f():\n    return 1\n"


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        (f"Here:\n```python\n{CODE}```\nIt returns 1.", CODE),
        (f"```\n{CODE}```", CODE),
        (f"```Python3 title\n{CODE}``` ", CODE),
        (f"~~~py\n{CODE}~~~", CODE),
        (f"1. So:\n   ````python\n{CODE}   ````", CODE),
        (f"```python\nx = 1\n```\nor rather\n```python\n{CODE}```", CODE),
        (f"```python\n{CODE}```\nrun it:\n```bash\npython f.py\n```", CODE),
        (f"```text\nan example\n```\n```python\n{CODE}```", CODE),
        ("```python\ns = '''\n~~~\n'''\n```", "s = '''\n~~~\n'''\n"),
        ("```python\n```", ""),
        (f"```python\n{CODE}", None),
        (CODE, None),
        ("```js\nlet x = 1\n```", None),
        ("Use `f()`.", None),
        ("", None),
    ],
)
def test_the_last_block(answer: str, program: str | None) -> None:
    """Of Python, or of nothing in particular; one that was cut off is none."""
    assert program_of(answer) == program


def test_the_block_that_defines() -> None:
    """An example of the use may follow; without a definition, the last one is taken."""
    answer = f"```python\n{CODE}```\nFor example:\n```python\nprint(f())\n```"
    assert program_of(answer, "f") == CODE
    assert program_of(answer, "g") == "print(f())\n"
    solution = "class Solution:\n    def g(self): ...\n"
    assert program_of(f"```\n{solution}```\n```\nSolution().g()\n```", "Solution") == solution


@given(st.lists(st.text("ab =()\n", max_size=20), min_size=1, max_size=3), st.text("xy \n"))
def test_any_blocks(blocks: list[str], between: str) -> None:
    """What was put in comes out."""
    parts = [f"{between}\n```python\n{block}\n```\n{between}" for block in blocks]
    assert program_of("".join(parts)) == blocks[-1] + "\n"
