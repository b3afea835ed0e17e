"""A card that computes large batches for the host, and the host: as llama.cpp's own dry loads say.

Recorded on Vulkan (Mesa's lavapipe) by ``python -m bench.compute_constants --remote 0``.
"""

from pathlib import Path

import pytest

from localqwq.gguf.facts import read_facts
from localqwq.planning.memory import GIB, MIB, ContextSettings, KvType, bookkeeping_bytes
from tests.machines import gpu, machine
from tests.placements import planned
from tests.sparse import make_sparse_gguf, shape

LLAMA = (4096, 14336, 32, 32, 8, 128_256, False)
QWEN = (3584, 18944, 28, 28, 4, 152_064, False)
QWEN_SMALL = (896, 4864, 24, 14, 2, 151_936, True)
SMOLLM2 = (576, 1536, 30, 9, 3, 49_152, True)


@pytest.mark.parametrize(
    ("model", "context", "kv_type", "card", "host"),
    [
        (QWEN, 2_048, "f16", 184.43, 19.01),
        (QWEN, 2_048, "q8_0", 181.60, 19.08),
        (QWEN, 32_768, "f16", 223.34, 49.18),
        (QWEN, 32_768, "q8_0", 237.66, 49.26),
        (LLAMA, 2_048, "f16", 142.00, 20.57),
        (LLAMA, 32_768, "q8_0", 220.12, 50.82),
        (LLAMA, 40_960, "f16", 224.39, 58.79),
        (QWEN_SMALL, 2_048, "f16", 42.95, 8.44),
        (QWEN_SMALL, 40_960, "f16", 87.20, 46.67),
        (SMOLLM2, 16_384, "f16", 38.96, 19.31),
        (SMOLLM2, 32_768, "f16", 73.05, 35.40),
        (SMOLLM2, 32_768, "q8_0", 54.74, 35.43),
    ],
)
def test_a_card_that_helps_the_host(
    tmp_path: Path,
    model: tuple[int, int, int, int, int, int, bool],
    context: int,
    kv_type: KvType,
    card: float,
    host: float,
) -> None:
    """Half of the layers in Q8_0 on the card: all that it takes, to within 2 % or 8 MiB, and no
    less by more than that; the host needs no more than for its inputs."""
    facts = read_facts(make_sparse_gguf(tmp_path, shape(*model), "Q8_0"))
    settings = ContextSettings(context, kv_type)
    found = planned(facts, machine(64 * GIB, gpu(24 * GIB)), settings, [(facts.layers + 1) // 2])
    [device] = found.devices
    allowed = max(8 * MIB, device.used * 0.02)
    assert device.compute == pytest.approx(card * MIB, abs=allowed)
    assert device.compute > card * MIB - 4 * MIB
    beside = bookkeeping_bytes(facts, settings)
    assert found.host.compute - beside == pytest.approx(host * MIB, abs=0.02 * MIB)
