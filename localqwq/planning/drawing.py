"""A plan as people see it: a bar for each device, and its contents in words."""

from collections.abc import Iterator

from localqwq.planning.alternatives import Alternative
from localqwq.planning.placement import Load
from localqwq.planning.plan import Plan
from localqwq.planning.speed import Speed, readable_rate
from localqwq.sizes import readable_size

PARTS = (
    ("weights", "█"),
    ("kv_cache", "▓"),
    ("compute", "▒"),
    ("margin", "░"),
)
"""The parts of a bar: a field of :class:`Load` and the letter that represents its bytes."""
FREE, OVER = "·", "!"
_NAMES = {"kv_cache": "KV"}


def draw(plan: Plan, width: int = 78) -> list[str]:
    """Return the lines, at most ``width`` characters each if names have at most 20."""
    loads = [*plan.devices, plan.host]
    names = max(len(load.name) for load in loads)
    lines: list[str] = []
    for load in loads:
        indent = " " * (names + 2)
        lines.append(f"{load.name:{names}}  {_layers(load, plan)}")
        lines.append(indent + bar(load, max(10, width - len(indent))))
        lines += [indent + line for line in _filled(_parts(load), width - len(indent))]
    return lines


def bar(load: Load, width: int) -> str:
    """Return a bar of ``width`` letters for the memory that was free before the load.

    If more is needed than is free, the bar ends in exclamation marks.
    """
    whole = max(load.free, load.total, 1)
    letters, until, done = "", 0, 0
    for field, letter in PARTS:
        until += getattr(load, field)
        end = round(until / whole * width)
        # Every part that exists gets at least one letter while there is room.
        end = max(end, min(width, done + 1)) if getattr(load, field) else end
        letters += letter * (end - done)
        done = max(done, end)
    letters = letters[:width] + FREE * (width - done)
    over = round((whole - load.free) / whole * width) if load.used and load.free < whole else 0
    return letters[: width - over] + OVER * over


def speed_in_words(speed: Speed) -> str:
    """Return the expected speed in one sentence; empty if unknown."""
    parts = [
        f"about {readable_rate(rate)} tokens a second while it {doing}"
        for rate, doing in ((speed.decode, "answers"), (speed.prefill, "reads a prompt"))
        if rate is not None
    ]
    return f"Expect {' and '.join(parts)}." if parts else ""


def other_speed_in_words(plan: Plan) -> str:
    """Return what the other layout of weights in main memory would bring; empty if unknown."""
    if plan.other_speed is None or not (expected := speed_in_words(plan.other_speed)):
        return ""
    expected = expected[0].lower() + expected[1:]
    if plan.repack:
        return f"With --repack off, {expected}"
    return f"With --repack on, in memory that the system cannot reclaim, {expected}"


def draw_alternatives(found: "list[Alternative]") -> list[str]:
    """Return a table of the alternatives; empty if there are none."""
    if not found:
        return []
    rows = [
        (
            f"{one.context:,}",
            one.kv_type.upper(),
            one.quant,
            f"{one.gpu_layers} of {one.layers_total}",
            "fits" if one.fits else "does not fit",
        )
        for one in found
    ]
    headings = ("context", "KV cache", "quantization", "layers on devices", "")
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        for row in (headings, *rows)
    ]


def _layers(load: Load, plan: Plan) -> str:
    left = load.free - load.total
    room = f"{readable_size(left)} left" if left >= 0 else f"{readable_size(-left)} too little"
    if not load.used:
        return f"nothing, {readable_size(load.free)} free"
    if not load.layers:
        held = "token embedding and inputs"
    else:
        held = f"{load.layers} of {plan.layers_total} layers"
    return f"{held}: {readable_size(load.used)} of {readable_size(load.free)} free, {room}"


def _filled(parts: Iterator[str], width: int) -> list[str]:
    """Return the parts joined into lines, as many per line as fit."""
    lines = [next(parts, "")]
    for part in parts:
        longer = f"{lines[-1]}  {part}"
        if len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _parts(load: Load) -> Iterator[str]:
    for field, letter in PARTS:
        size = getattr(load, field)
        if size:
            yield f"{letter} {_NAMES.get(field, field)} {readable_size(size)}"
