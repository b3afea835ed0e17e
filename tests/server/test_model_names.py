"""What requests may call a model."""

import math

import pytest

from localqwq.durations import kept_alive, parsed_duration
from localqwq.server.pool.names import aliased, named

KNOWN = ["QwQ-32B:Q8_0", "QwQ-32B:Q4_K_M", "demo:Q8_0"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("QwQ-32B:Q4_K_M", "QwQ-32B:Q4_K_M"),
        ("qwq-32b:q4_k_m", "QwQ-32B:Q4_K_M"),
        ("qwq-32b", "QwQ-32B"),
        ("demo:latest", "demo"),
        ("qwq", None),
        ("demo:Q4_0", None),
        ("", None),
    ],
)
def test_names(wanted: str, found: str | None) -> None:
    """Case does not matter, and the quantization may be left out, or be Ollama's word for none."""
    assert named(wanted, KNOWN) == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("gpt-4o", "fast"),
        ("GPT-4o-mini", "small"),
        ("gpt-5", "demo"),
        ("claude-sonnet", "QwQ-32B"),
        ("llama", None),
    ],
)
def test_aliases(wanted: str, found: str | None) -> None:
    """The name itself comes first, then the first pattern that fits."""
    aliases = {"gpt-*": "demo", "gpt-4o": "fast", "Claude-*": "QwQ-32B", "gpt-4o-mini": "small"}
    assert aliased(wanted, aliases) == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), ("2d", 172_800)],
)
def test_times(text: str, seconds: float) -> None:
    """As people write them, and Ollama's clients."""
    assert parsed_duration(text) == seconds
    assert kept_alive(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-5m", "1h 30m", "ten", "10min"])
def test_what_is_no_time(text: str) -> None:
    """The sentence shows how it is written."""
    with pytest.raises(ValueError, match="write it as 10m"):
        parsed_duration(text)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0), (300, 300), (2.5, 2.5), ("300", 300), (-1, math.inf), ("-1", math.inf),
        ("-5m", math.inf), ("never", math.inf), (None, None), (True, None), ({}, None),
    ],
)  # fmt: skip
def test_keep_alive(value: object, seconds: float | None) -> None:
    """A number, a time, or nothing; negative ones are for ever."""
    assert kept_alive(value) == seconds


@pytest.mark.parametrize("value", [math.nan, "soon", ""])
def test_what_no_time_is_kept(value: object) -> None:
    """It is refused, rather than taken for some time."""
    with pytest.raises(ValueError):
        kept_alive(value)
