"""The catalogue's offers and how they would run here, known before any download."""

from dataclasses import dataclass

from localqwq.gguf.usual import USUAL_QUANT
from localqwq.models.outlook import Outlook
from localqwq.models.prospects import prospects
from localqwq.models.suiting import suiting_here
from localqwq.packs.catalogue import Entry
from localqwq.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Offer:
    """One quantization of a model in the catalogue."""

    entry: Entry
    quant: str
    plan: Plan | None = None
    """How it would be loaded here; None before plans are made."""

    @property
    def bytes(self) -> int:
        """The download size in bytes: exact if known, else computed; 0 if unknown."""
        return self.entry.bytes.get(self.quant, self.plan.facts.bytes if self.plan else 0)

    @property
    def source(self) -> str:
        """Its source in the notation of ``pull``: ``hf:Qwen/QwQ-32B-GGUF:Q4_K_M``."""
        origin = self.entry.origins_of(self.quant)[0]
        scheme = {"huggingface": "hf", "modelscope": "ms"}[origin.hub]
        return f"{scheme}:{origin.repository}:{self.quant}"


@dataclass(frozen=True, slots=True)
class Offered:
    """A model in the catalogue."""

    entry: Entry
    offers: tuple[Offer, ...]
    """Its quantizations, the largest first; at least one."""
    best: Offer
    """The one that ``pull`` chooses here; the smallest if none fits."""

    def offer(self, quant: str) -> Offer | None:
        """Return the quantization with this name."""
        return next((offer for offer in self.offers if offer.quant == quant), None)


def unplanned(entry: Entry) -> Offered | None:
    """Return a model without plans; ``None`` if it has no offers."""
    found = tuple(Offer(entry, quant) for quant in entry.quants)
    if not found:
        return None
    return Offered(entry, found, next((one for one in found if one.quant == USUAL_QUANT), found[0]))


def planned(entry: Entry, outlook: Outlook) -> Offered | None:
    """Return a model with plans for all its quantizations; ``None`` if none can be planned."""
    candidates = list(prospects(entry))
    if not candidates:
        return None
    found = [Offer(entry, facts.quant, outlook.plan(facts)) for facts in candidates]
    found.sort(key=lambda offer: offer.bytes, reverse=True)
    chosen = suiting_here(candidates, outlook)
    best = next((one for one in found if chosen and one.quant == chosen.facts.quant), found[-1])
    return Offered(entry, tuple(found), best)
