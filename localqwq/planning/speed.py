"""How fast a model will be, from what devices read and compute in a second."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10
from typing import NamedTuple

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.placement import Load, Placement, gpus

_OPERATIONS = 22
"""Of a layer, one after the other: norms, products, rotations, attention, sums."""
REACHED = 0.85
"""Of what products alone would reach. Measured with 1.0 billion parameters on a processor: 0.81 and
0.87 while decoding, 0.82 and 1.03 while reading, in Q4_K_M and Q8_0."""


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
    bound by how fast they are read, in small models by what each operation takes besides, and with
    other machines by the way there and back. A
    prompt's tokens share one reading of the weights: they are bound by two operations a weight
    and token.
    """
    parts = list(_parts(facts, machine, placement))
    decode, prefill = 0.0, 0.0
    for part in parts:
        if part.bandwidth:
            decode += (part.weights + part.load.kv_cache / 2) / part.bandwidth
            decode += part.load.layers * _OPERATIONS * part.latency + part.trip
        if part.flops:
            prefill += 2 * facts.parameters * part.weights / facts.weight_bytes / part.flops
    return Speed(
        decode=REACHED / decode if decode and all(part.bandwidth for part in parts) else None,
        prefill=REACHED / prefill if prefill and all(part.flops for part in parts) else None,
    )


def readable_rate(rate: float) -> str:
    """Tokens a second with two digits: an estimate has no more."""
    digits = 1 - floor(log10(rate))
    return f"{round(rate, digits):,.{max(0, digits)}f}"


class _Part(NamedTuple):
    """A place with layers, and how fast it is."""

    load: Load
    weights: int
    """Bytes that each token needs."""
    bandwidth: float | None
    flops: float | None
    latency: float
    trip: float


def _parts(facts: ModelFacts, machine: Machine, placement: Placement) -> Iterator[_Part]:
    for device, load in zip(gpus(machine), placement.devices, strict=True):
        if load.layers:
            latency, trip = device.latency or 0.0, device.trip or 0.0
            yield _Part(load, load.weights, device.bandwidth, device.flops, latency, trip)
    host = placement.host
    if host.layers:
        weights = host.weights
        if placement.gpu_layers or not facts.tied_embeddings:
            weights -= facts.input_bytes  # of the token embedding, a token needs one row
        latency = machine.cpu_latency or 0.0
        yield _Part(host, weights, machine.ram_bandwidth, machine.cpu_flops, latency, 0.0)
