"""What every test may use: the demo model as our own converter makes it, and a home of its own."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from localqwq.locations import demo_checkpoint
from localqwq_convert.pipeline import convert
from tests.checkpoints import (
    PLAIN_TOKENS,
    SPECIAL_TOKENS,
    make_checkpoint,
    random_tensors,
    tensor_shapes,
    write_safetensors,
)
from tests.servers import announced, server_command

# A shell's `&` and nohup have signals ignored, and children inherit that. A handler of one's own is
# not inherited: what the tests start, and interrupt, sees the usual dispositions.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

# On a dumb terminal, or none, the app would be another one.
os.environ["TERM"] = "xterm-256color"

# What a program has written when its terminal goes away is in Python's buffers, as it usually is.
os.environ.pop("PYTHONUNBUFFERED", None)

# Threads of an engine that wait for each other sleep instead of spinning: there are more engines
# than processors, and one that spins takes the time from the one that it waits for.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

# The same examples in every run, however slow the machine is.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


def pytest_xdist_auto_num_workers() -> int:
    """Return two workers more than there are cores: a third of the time a test waits."""
    return (os.cpu_count() or 1) + 2


_FIRST = (
    "agent/test_sandbox_escapes",
    "conversations/test_buffered",
    "convert/test_against_llama_cpp",
    "convert/test_fuzz",
    "engine/test_rpc_devices",
    "quality/test_quality",
    "server/test_all_models",
    "server/test_crashes",
    "server/test_pool",
    "server/test_soak",
    "test_api_life",
    "test_api_running",
    "tui/test_by_hand",
    "tui/test_first_run",
    "tui/test_notice",
    "tui/test_signals",
    "tui/test_thinking_control",
    "tui/test_walk",
)
"""Files that take long for how few tests they have: at the end, one worker would be waited for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with them."""
    items.sort(key=lambda item: not item.path.with_suffix("").as_posix().endswith(_FIRST))


@pytest.fixture(scope="session")
def demo_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pack with ``demo-Q8_0.gguf`` and ``demo-Q4_K_M.gguf``."""
    output = tmp_path_factory.mktemp("packs") / "demo"
    convert(demo_checkpoint(), output, ["Q8_0", "Q4_K_M"], name="demo")
    return output


@pytest.fixture(scope="session")
def demo_gguf(demo_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model in Q8_0, in no pack: what is measured of it is written nowhere."""
    return Path(shutil.copy(demo_pack / "demo-Q8_0.gguf", tmp_path_factory.mktemp("alone")))


@pytest.fixture(scope="session")
def demo_server(demo_gguf: Path) -> Iterator[str]:
    """The URL of a server, in a process of its own, that serves the demo as ``demo:Q8_0``."""
    command = server_command(demo_gguf, "--port", "0", "--parent-pipe", name="demo:Q8_0")
    with announced(command) as url:
        yield url


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Empty data, configuration and cache folders, and no keyring: no test sees the user's."""
    root = tmp_path_factory.mktemp("home")
    names = {
        f"LOCALQWQ_{kind}_DIR": str(root / kind.lower()) for kind in ("DATA", "CONFIG", "CACHE")
    }
    with pytest.MonkeyPatch.context() as patch:
        for variable, path in names.items():
            patch.setenv(variable, path)
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        yield root


@pytest.fixture(scope="session")
def rambler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never stops thinking: the rows of the tokens that end things are zero.

    So their logits are zero, behind the 40 best of random ones, and they are never sampled.
    """
    directory = tmp_path_factory.mktemp("rambler")
    checkpoint = make_checkpoint(directory / "checkpoint", layers=12, context=16_384)
    config = json.loads((checkpoint / "config.json").read_text())
    tensors = random_tensors(tensor_shapes(config), "BF16", seed=0)
    _, embedding = tensors["model.embed_tokens.weight"]
    embedding[256 : 256 + len(SPECIAL_TOKENS + PLAIN_TOKENS)] = 0
    write_safetensors(checkpoint / "model.safetensors", tensors)
    convert(checkpoint, directory / "pack", ["Q8_0"], name="rambler")
    return directory / "pack" / "rambler-Q8_0.gguf"
