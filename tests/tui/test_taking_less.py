"""A model that finds less memory than was planned for: it is loaded with less, and that is said."""

import os
from pathlib import Path

import pytest

from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import launch
from localqwq.models.spec import ResolvedModel
from localqwq.tui.session.connection import Connection
from localqwq.tui.session.messages import ModelLost, ModelReady, Report
from localqwq.tui.session.models import ChildModel, Local
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint

# The first engine gets less memory than its cache in F16 takes: more than Python needs to start.
STARVING = """
import pathlib, resource, sys
if "localqwq.server.engine" in sys.orig_argv:
    starved = pathlib.Path(__file__).with_name("starved")
    if not starved.exists():
        starved.touch()
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
"""


@pytest.fixture
def hungry(tmp_path: Path) -> ResolvedModel:
    """20 KiB of KV cache for each token: 640 MiB of a full context."""
    checkpoint = make_checkpoint(tmp_path / "checkpoint", layers=20, kv_heads=4, context=32_768)
    convert(checkpoint, tmp_path / "pack", ["Q8_0"], name="hungry")
    return ResolvedModel(tmp_path / "pack" / "hungry-Q8_0.gguf", "hungry", "Q8_0")


async def test_the_next_plan_down(
    hungry: ResolvedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence says what is given up; then the model answers."""
    pytest.importorskip("resource")
    (tmp_path / "sitecustomize.py").write_text(STARVING)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    monkeypatch.setenv("PYTHONPATH", path)
    posted: list[Report] = []
    model = ChildModel(lambda: Local("hungry", "Q8_0", launch(hungry, LaunchOptions(32_768))))
    connection = Connection(model, posted.append)
    try:
        client = await connection.client()
        assert await client.models() == ["hungry:Q8_0"]
    finally:
        await connection.close()
    [lost] = [message for message in posted if isinstance(message, ModelLost)]
    assert lost.restarting
    assert "started again with the KV cache in Q8_0 instead of F16" in lost.sentence
    [ready] = [message for message in posted if isinstance(message, ModelReady)]
    assert ready.context == 32_768
