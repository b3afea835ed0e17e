"""Sampling parameters: defaults, the model's own values, overrides."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.gguf.sampling import Sampling


def test_defaults_are_the_makers_recommendation() -> None:
    """Without metadata QwQ's recommended values hold, min-p 0 among them."""
    assert Sampling.from_metadata({}) == Sampling(0.6, 0.95, 40, 0.0, 1.0, None)


def test_metadata_wins_over_defaults() -> None:
    """Keys of the GGUF metadata replace the defaults, others stay."""
    found = Sampling.from_metadata({"general.sampling.temp": 0.7, "general.sampling.top_k": 20})
    assert (found.temperature, found.top_k, found.top_p) == (0.7, 20, 0.95)


@given(st.none() | st.floats(0, 2), st.none() | st.integers(0, 2**31))
def test_override_replaces_only_what_is_given(temperature: float | None, seed: int | None) -> None:
    """``None`` keeps the value that was there."""
    base = Sampling()
    changed = base.override({"temperature": temperature, "seed": seed})
    assert changed.temperature == (base.temperature if temperature is None else temperature)
    assert changed.seed == seed
    assert changed.top_p == base.top_p
