"""From a checkpoint to somebody else's answer: converted, published, pulled, verified, asked."""

import os
from pathlib import Path

from localqwq.cli.main import main
from localqwq.locations import demo_checkpoint
from tests.hub_server import serving
from tests.hub_uploads import TOKEN, taking_uploads
from tests.offline import cut_off, refused, run

REPOSITORY = "someone/mine-GGUF"


def test_from_a_checkpoint_to_somebody_elses_answer(tmp_path: Path) -> None:
    """Converted and published by one, pulled into an empty folder and asked without a network."""
    pack = tmp_path / "mine"
    making = ["convert", str(demo_checkpoint()), "-o", str(pack), "--name", "mine"]
    assert main([*making, "--quant", "Q8_0"]) == 0
    theirs = {"LOCALQWQ_DATA_DIR": str(tmp_path / "theirs")}
    kept = {key: os.environ[key] for key in os.environ if not key.startswith("HF_")}
    with serving() as hub, taking_uploads(hub, tmp_path / "uploaded") as uploads:
        environment = {
            **kept,
            **theirs,
            "HF_ENDPOINT": uploads.url,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
        }
        published, pulled = run(
            environment,
            ["publish", str(pack), "--to", REPOSITORY, "--yes"],
            ["pull", f"hf:{REPOSITORY}:Q8_0"],
            network=True,
        )
    assert (published[0], pulled[0]) == (0, 0)
    assert f"published mine: {uploads.url}/{REPOSITORY}/commit/" in published[1]
    assert "mine:Q8_0" in pulled[1]

    offline = cut_off(tmp_path) | theirs
    question = ["ask", "What is 12 + 30?", "--temperature", "0", "--ctx", "256"]
    verified, asked = run(
        offline, ["models", "verify", "mine:Q8_0"], [*question, "-m", "mine:Q8_0"]
    )
    assert verified == (0, "mine:Q8_0  ok\n")
    assert asked[0] == 0
    assert "42" in asked[1]
    assert refused(offline) == []
