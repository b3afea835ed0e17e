"""What the catalogue offers, and how it would run here: known before anything is downloaded."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from localqwq.cli.choosing import suiting
from localqwq.cli.convert import prospect
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.packs.catalogue import Entry
from localqwq.planning.plan import Plan, plan


@dataclass(frozen=True, slots=True)
class Offer:
    """One quantization of a model of the catalogue."""

    entry: Entry
    quant: str
    plan: Plan
    """How it would be loaded here, if it fits."""

    @property
    def bytes(self) -> int:
        """What there is to download: to the byte where it is known, else computed."""
        return self.entry.bytes.get(self.quant, self.plan.facts.bytes)

    @property
    def source(self) -> str:
        """Where it would come from, as ``pull`` has it: ``hf:Qwen/QwQ-32B-GGUF:Q4_K_M``."""
        origin = self.entry.origins_of(self.quant)[0]
        scheme = {"huggingface": "hf", "modelscope": "ms"}[origin.hub]
        return f"{scheme}:{origin.repository}:{self.quant}"


def offers(entry: Entry, machine: Machine) -> list[Offer]:
    """All quantizations of a model, the largest first."""
    found = [Offer(entry, facts.quant, plan(facts, machine)) for facts in prospects(entry)]
    return sorted(found, key=lambda offer: offer.bytes, reverse=True)


def best(found: Sequence[Offer]) -> Offer:
    """The offer that ``pull`` takes where no quantization is named; the smallest if none fits."""
    chosen = suiting([offer.plan for offer in found])
    return next((offer for offer in found if offer.plan is chosen), found[-1])


def prospects(entry: Entry) -> Iterator[ModelFacts]:
    """What each quantization of a model will be like; those that we cannot plan are left out."""
    config = json.dumps(entry.config)
    for quant in entry.quants:
        try:
            facts = _facts(config, quant)
        except LocalqwqError:  # a kind of quantization that we do not make
            continue
        yield replace(facts, name=entry.title)


@cache
def _facts(config: str, quant: str) -> ModelFacts:
    """Kept, because every tensor has to be thought of."""
    return _prospect(config)(quant)


@cache
def _prospect(config: str) -> Callable[[str], ModelFacts]:
    return prospect(json.loads(config))
