"""Children's memory is bounded where the system refuses to do it, as macOS does."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from localqwq import children
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError

REFUSING = """
import resource

def refuse(*arguments):
    raise ValueError("current limit exceeds maximum limit")

resource.setrlimit = refuse
"""
GREEDY = "import time; held = bytearray(1 << 29); time.sleep(60)"


@pytest.fixture(autouse=True)
def no_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all children refuse limits."""
    (tmp_path / "sitecustomize.py").write_text(REFUSING)
    known = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(tmp_path), known] if known else [str(tmp_path)])
    monkeypatch.setenv("PYTHONPATH", path)


def test_a_template_that_wants_all_memory() -> None:
    """It is ended long before it has it, and the next render works."""
    greedy = "{% if messages[0].content == 'all' %}{{ messages[0].content * 10 ** 9 }}{% endif %}ok"
    renderer = TemplateRenderer(greedy, bos="", eos="")
    try:
        with pytest.raises(LocalqwqError, match="it took too much memory"):
            renderer.render([{"role": "user", "content": "all"}], [])
        assert renderer.render([{"role": "user", "content": "Hi"}], []) == ["ok"]
    finally:
        renderer.close()


def test_a_child_that_takes_more_than_it_may() -> None:
    """Whoever waits for it is told so, and nothing of it is left."""
    with pytest.raises(MemoryError):
        children.run([sys.executable, "-c", GREEDY], timeout=60, memory=1 << 28)
    assert not [one for one in psutil.Process().children() if GREEDY in one.cmdline()]
    done = children.run([sys.executable, "-c", "print('small')"], timeout=60, memory=1 << 28)
    assert done.stdout == b"small\n"


def test_time_runs_out_first() -> None:
    """As for any other child."""
    with pytest.raises(subprocess.TimeoutExpired):
        children.run([sys.executable, "-c", GREEDY], timeout=1, memory=1 << 40)
