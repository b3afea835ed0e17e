"""A model's own thoughts: reproducible, kept, and continued."""

from pathlib import Path

from localqwq.children import Child
from localqwq.engine.probing.probe_child import reports
from localqwq.quality.thoughts import Thoughts

PROMPTS = ("What is 347 + 586?", "Hello!")
LOAD = {"context": 1024, "threads": 2}


def test_they_go_on_where_they_were(demo_gguf: Path, tmp_path: Path) -> None:
    """The same ones, however often they were interrupted."""

    def think(name: str, count: int) -> list[dict[str, int]]:
        order = {"path": str(demo_gguf), "load": LOAD, "file": str(tmp_path / name)}
        order |= {"prompts": PROMPTS, "count": count, "tokens": 10_000}
        return list(reports(Child.THOUGHTS, order))

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
    order = {"path": str(demo_gguf), "load": LOAD, "file": str(tmp_path / "few")}
    order |= {"prompts": PROMPTS, "count": 50, "tokens": 5}
    assert list(reports(Child.THOUGHTS, order))[-1]["done"] == 1
