"""The programs in ``examples`` do what they say, offline."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
PARTS = {"__init__", "server"}
"""Files that are no programs."""
SAYS = {
    "chat": ("> What is 12 + 30?\n", "12 + 30 = 42.", "The letter r occurs 3 times."),
    "tools": ("calculator({'expression': '23 * 47'}) = 1081", "23 * 47 = 1081."),
    "agent": ('calculator({"expression": "23 * 47"}) = 1081', "23 * 47 = 1081."),
    "structured": ('{"larger":', "\n9.9\n"),
    "batch": ('"answer": "11 + 22 = 33."', '"answer": "16 + 32 = 48."'),
    "convert": ("Q8_0: ", "Q4_K_M: ", "12 + 30 = 42."),
}


@pytest.mark.parametrize("name", SAYS)
def test_example_runs(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its output holds what it promises."""
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("What is 11 + 22?\n\nWhat is 16 + 32?\n", encoding="utf-8")
    arguments = [str(prompts)] if name == "batch" else []
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    import_module(f"examples.{name}").main()
    said = capsys.readouterr().out
    for words in SAYS[name]:
        assert words in said


def test_no_example_is_left_out() -> None:
    """A new one is run, too."""
    assert {path.stem for path in EXAMPLES.glob("*.py")} - PARTS == set(SAYS)
