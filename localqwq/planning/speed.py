"""Estimated speed of a model, from the measured speeds of devices."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10
from typing import NamedTuple

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.placement import Load, Placement, gpus

_OPERATIONS = 22
"""Sequential operations in a layer: norms, products, rotations, attention, sums."""
REACHED = 0.93
"""Fraction of the speed of products alone that is reached. Measured on processors: with 1.0 billion
parameters in Q4_K_M and Q8_0, 0.81 and 0.87 for decoding, 0.82 and 1.03 for prefill; with 32.8
billion in Q4_K_M, 1.00 for decoding, 0.96 and 1.07 for prefill (``bench.full_shape``).
"""


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second of one sequence; ``None`` if a speed it depends on is not measured."""

    decode: float | None
    """Decoding speed, with the context half full."""
    prefill: float | None
    """Prefill speed of a long prompt."""


def estimate(facts: ModelFacts, machine: Machine, placement: Placement) -> Speed:
    """Return the speed to expect.

    Each token reads all weights and the KV cache once, one device after the other, so decoding is
    limited by how fast they are read, in small models also by the overhead of each operation, and
    with other machines by the round trips. The tokens of a prompt share one reading of the weights:
    prefill is limited by two operations per weight and token.
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
    """Return tokens per second with two digits, as precise as an estimate can be."""
    digits = 1 - floor(log10(rate))
    return f"{round(rate, digits):,.{max(0, digits)}f}"


class _Part(NamedTuple):
    """A place with layers, and its speed."""

    load: Load
    weights: int
    """Bytes read for each token."""
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
            weights -= facts.input_bytes  # a token needs one row of the token embedding
        latency = machine.cpu_latency or 0.0
        bandwidth, flops = machine.ram_bandwidth, machine.cpu_flops
        if not placement.repack:
            bandwidth = machine.mapped_bandwidth or bandwidth
            flops = machine.mapped_flops or flops
        yield _Part(host, weights, bandwidth, flops, latency, 0.0)
