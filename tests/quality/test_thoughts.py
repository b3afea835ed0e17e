"""A model's own thoughts: reproducible, kept, and continued."""

from pathlib import Path

from localqwq.children import Child
from localqwq.engine.probing.probe_child import reports
from localqwq.quality.thoughts import Thoughts

PROMPTS = ("What is 347 + 586?", "Hello!")
LOAD = {"context": 1024, "threads": 2}


def order(model: Path, file: Path, count: int, tokens: int) -> dict[str, object]:
    """What the child is told."""
    return {
        "path": str(model),
        "load": LOAD,
        "file": str(file),
        "prompts": PROMPTS,
        "count": count,
        "tokens": tokens,
    }


def test_they_go_on_where_they_were(demo_gguf: Path, tmp_path: Path) -> None:
    """The same ones, however often they were interrupted."""

    def think(name: str, count: int) -> list[dict[str, int]]:
        return list(reports(Child.THOUGHTS, order(demo_gguf, tmp_path / name, count, 10_000)))

    think("cut", 1)
    with (tmp_path / "cut").open("ab") as file:
        file.write(b"[1, 2, 3")  # killed while it wrote
    assert think("cut", 2)[0]["before"] == 1
    assert think("whole", 2)[-1]["done"] == 2
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()
    found = Thoughts(tmp_path / "whole")
    assert found.total(2) == think("whole", 2)[0]["tokens"]
    assert len(found.first(2, 7)) == 7


def test_enough_tokens_are_enough(demo_gguf: Path, tmp_path: Path) -> None:
    """No further thought is begun."""
    few = order(demo_gguf, tmp_path / "few", 50, 5)
    assert list(reports(Child.THOUGHTS, few))[-1]["done"] == 1
