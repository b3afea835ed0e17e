"""``localqwq models --json``: the document for scripts."""

from typing import Any

from localqwq.models.offers import Offer
from localqwq.models.stock import Installed, Stock
from localqwq.packs.store.other_programs import ForeignModel
from localqwq.planning.plan import Plan


def as_json(stock: Stock) -> dict[str, Any]:
    """Return the document for a stock with plans."""
    return {
        "installed": [_installed_json(one) for one in stock.installed],
        "catalogue": [_offer_json(offer) for one in stock.offered for offer in one.offers],
        "found": [_foreign_json(model) for model in stock.foreign],
        "unfinished": [
            {"name": one.name, "quant": one.quant, "bytes": one.bytes} for one in stock.unfinished
        ],
    }


def _installed_json(one: Installed) -> dict[str, Any]:
    model = one.model
    about: dict[str, Any] = dict.fromkeys(
        ("quant", "path", "bytes", "architecture", "parameters", "context")
    )
    if model:
        about = {
            "quant": model.quant,
            "path": str(model.path),
            "bytes": model.bytes,
            "architecture": model.architecture,
            "parameters": model.parameters,
            "context": model.context,
        }
    return {
        "name": model.name if model else one.spec,
        **about,
        "default": one.is_default,
        "built_in": one.is_demo,
        **_plan_json(one.plan),
    }


def _plan_json(found: Plan | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(("fits", "layers_offloaded", "layers_total", "generate_tps", "why"))
    return {
        "fits": found.fits,
        "layers_offloaded": found.gpu_layers,
        "layers_total": found.layers_total,
        "generate_tps": found.speed.decode,
        "why": found.why,
    }


def _offer_json(offer: Offer) -> dict[str, Any]:
    return {
        "name": offer.entry.name,
        "quant": offer.quant,
        "bytes": offer.bytes,
        "source": offer.source,
        **_plan_json(offer.plan),
    }


def _foreign_json(model: ForeignModel) -> dict[str, Any]:
    return {
        "name": model.spec,
        "program": model.program,
        "path": str(model.path),
        "bytes": model.bytes,
    }
