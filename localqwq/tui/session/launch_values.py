"""What is chosen by hand for loading a model, as texts that people type and step through; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from pydantic import ValidationError

from localqwq.device_lists import device_names, written_devices, written_shares
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launch_settings import options_in, settings_for
from localqwq.planning.memory import can_keep
from localqwq.planning.placement import gpus
from localqwq.settings.describe import Setting, settings
from localqwq.settings.repair import problem
from localqwq.settings.sections import ModelSettings
from localqwq.settings.values import WrongValue, parsed
from localqwq.sizes import parsed_size

if TYPE_CHECKING:
    from localqwq.models.by_hand import ByHand, Outcome

Texts = Mapping[str, str]
"""The text of each field by its key; empty where the plan chooses."""

_SWITCH = {"on": "true", "off": "false"}
_CONTEXTS = tuple(1024 * step for step in (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256))
_BATCHES = tuple(32 << step for step in range(8))
_REQUESTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_RESERVES = ("0M", "256M", "512M", "1G", "2G", "3G", "4G", "6G", "8G", "12G", "16G")
_RATIOS = ((4, 1), (3, 1), (2, 1), (3, 2), (1, 1), (2, 3), (1, 2), (1, 3), (1, 4))
_FEW_DEVICES = 4
"""Devices of which every selection is offered."""


def fields() -> tuple[Setting, ...]:
    """Return the values that can be chosen, in display order."""
    return settings()["models"].parts


def texts(options: LaunchOptions) -> dict[str, str]:
    """Return the options as texts."""
    values = settings_for(options)
    return {field.key: _text(getattr(values, field.key)) for field in fields()}


def values(written: Texts) -> ModelSettings:
    """Return the settings that the texts mean.

    Raises:
        WrongValue: a text is not a possible value; the sentence says what would be.
    """
    found = {}
    for field in fields():
        text = written.get(field.key, "").strip()
        if field.kind == "switch" and text:
            if text.lower() not in _SWITCH:
                raise WrongValue(f"{field.title} must be on or off.")
            text = _SWITCH[text.lower()]
        elif field.kind == "choice":
            text = text.lower()
        found[field.key] = parsed(field, text)
    try:
        return ModelSettings.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        title = next((one.title for one in fields() if one.key == key), key)
        raise WrongValue(f"{title}: {problem(first).removeprefix(key).strip()}.") from None


def options(written: Texts) -> LaunchOptions:
    """Return the options that the texts mean; raises WrongValue as :func:`values` does."""
    return options_in(values(written))


def planned(outcome: Outcome) -> dict[str, str]:
    """Return the values that a plan takes, chosen or not; empty where there is no single one."""
    plan = outcome.plan
    used = [load for load in plan.devices if load.layers]
    return {
        "context": str(plan.context),
        "gpu_layers": str(plan.gpu_layers),
        "devices": written_devices([load.name for load in used]),
        "tensor_split": written_shares(plan.tensor_split) if len(used) > 1 else "",
        "threads": str(plan.threads),
        "batch": str(plan.settings.batch),
        "kv": plan.kv_type,
        "flash": "on" if plan.flash else "off",
        "repack": "on" if plan.repack else "off",
        "parallel": str(plan.parallel),
        "rope": "auto",
        "mmap": "on" if plan.load_mode == "mmap" else "off",
    }


def ladder(key: str, model: ByHand, devices: str) -> Sequence[str]:
    """Return the values that the arrow keys step through, the least first.

    ``devices``: the text of that field, on which the tensor split depends.
    """
    facts, machine = model.facts, model.outlook.machine
    names = [device.name for device in gpus(machine)]
    match key:
        case "context":
            longest = facts.longest_context
            return _numbers(sorted({*(one for one in _CONTEXTS if one < longest), longest}))
        case "gpu_layers":
            return _numbers(range(facts.layers + 2))
        case "devices":
            return ["none", *(",".join(some) for some in _selections(names))]
        case "tensor_split":
            chosen = device_names(devices)
            return _splits(len(chosen) if devices.strip() else len(names))
        case "threads":
            return _numbers(range(1, machine.logical_cores + 1))
        case "batch":
            return _numbers(_BATCHES)
        case "kv":
            return [one for one in ("f16", "q8_0", "q4_0") if can_keep(facts, one)]
        case "parallel":
            return _numbers(_REQUESTS)
        case "reserve":
            return _RESERVES
        case "rope" | "flash" | "repack":
            return ("auto", "on", "off")
    return ("off", "on")


def stepped(steps: Sequence[str], text: str, usual: str, step: int) -> str:
    """Return the next text in ``steps``: up for a ``step`` of 1, down for -1.

    ``usual`` counts where there is no text. Below the first there is the empty text, which leaves
    the choice to the plan; above the last, nothing changes.
    """
    here = text.strip().lower() or usual.lower()
    known = [one.lower() for one in steps]
    if here in known:
        place = known.index(here) + step
    elif (value := _number(here)) is not None and all(_number(one) is not None for one in steps):
        below = sum((_number(one) or 0) < value for one in steps)
        place = below if step > 0 else below - 1
    else:
        place = 0 if step > 0 else -1
    if place >= len(steps):
        return text.strip() or (steps[-1] if steps else "")
    return steps[place] if place >= 0 else ""


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _numbers(found: Sequence[int]) -> tuple[str, ...]:
    return tuple(map(str, found))


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        pass
    try:
        return parsed_size(text)
    except ValueError:
        return None


def _selections(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what to offer of some devices: every selection of a few, else each one and all."""
    sizes = range(1, len(names) + 1) if len(names) <= _FEW_DEVICES else (1, len(names))
    return [some for size in sizes for some in combinations(names, size)]


def _splits(count: int) -> list[str]:
    """Return shares of so many devices; for two from the first having most to it having least."""
    if count < 2:
        return []
    if count == 2:
        return [written_shares(one) for one in _RATIOS]
    favoured = [[2.0 if one == index else 1.0 for one in range(count)] for index in range(count)]
    return [written_shares(one) for one in ([1.0] * count, *favoured)]
