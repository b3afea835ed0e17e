"""How fast a model will be, from what devices read and compute in a second."""

from collections.abc import Iterator
from dataclasses import dataclass

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.placement import Load, Placement, gpus


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second of one sequence; ``None`` where nobody has measured what it depends on."""

    decode: float | None
    """While the answer is written, with the context half full."""
    prefill: float | None
    """While a long prompt is read."""


def estimate(facts: ModelFacts, machine: Machine, placement: Placement) -> Speed:
    """The speed to expect.

    Each token needs all weights and the KV cache once, one device after the other, so decoding is
    bound by how fast they are read. A prompt's tokens share one reading of the weights: they are
    bound by two operations a weight and token.
    """
    parts = list(_parts(facts, machine, placement))
    read = sum((weights + load.kv_cache / 2) / speed for load, weights, speed, _ in parts if speed)
    computed = sum(
        2 * facts.parameters * weights / facts.weight_bytes / flops
        for _, weights, _, flops in parts
        if flops
    )
    return Speed(
        decode=1 / read if read and all(speed for _, _, speed, _ in parts) else None,
        prefill=1 / computed if computed and all(flops for _, _, _, flops in parts) else None,
    )


def _parts(
    facts: ModelFacts, machine: Machine, placement: Placement
) -> Iterator[tuple[Load, int, float | None, float | None]]:
    """The loads with layers: the weights that each token needs, bandwidth and operations."""
    for device, load in zip(gpus(machine), placement.devices, strict=True):
        if load.layers:
            yield load, load.weights, device.bandwidth, device.flops
    host = placement.host
    if host.layers:
        weights = host.weights
        if placement.gpu_layers or not facts.tied_embeddings:
            weights -= facts.input_bytes  # of the token embedding, a token needs one row
        yield host, weights, machine.ram_bandwidth, machine.cpu_flops
