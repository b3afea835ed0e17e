"""The schema of the settings: limits, sentences, overrides, and the makers' words."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.gguf.sampling import LIMITS, Sampling
from localqwq.reasoning.budget import EFFORTS, HANDOVER
from localqwq.settings.describe import groups, settings
from localqwq.settings.keys import known_keys
from localqwq.settings.repair import overridden, repaired
from localqwq.settings.schema import Settings, is_overridable, value_of
from localqwq.settings.sections import PRESETS, Preset, SamplingSettings
from localqwq.settings.values import WrongValue, checked, parsed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def test_sampling_agrees_with_the_engine() -> None:
    """The same parameters with the same limits; the breakers of DRY are no setting."""
    known = {name for name in SamplingSettings.model_fields if name != "max_tokens"}
    assert known == {field.name for field in fields(Sampling)} - {"dry_sequence_breakers"}
    for name, (low, high) in LIMITS.items():
        described = settings()[f"sampling.{name}"]
        assert (described.low, described.high) == (low, high), name


def test_examples_are_what_the_makers_recommend() -> None:
    """The values in the file's comments and beside empty fields are QwQ's."""
    for field in fields(Sampling):
        if field.name not in ("seed", "dry_sequence_breakers"):
            assert settings()[f"sampling.{field.name}"].example == field.default, field.name


def test_thinking_agrees_with_the_engine() -> None:
    """The same efforts, and the same sentence at the end of a thought."""
    assert settings()["thinking.effort"].choices == tuple(EFFORTS)
    assert Settings().thinking.hand_over == HANDOVER


def test_the_makers_prompts() -> None:
    """For mathematics and for multiple choice, below the prompt."""
    assert PRESETS["mathematics"].asked("1+1?") == (
        "1+1?\n\nPlease reason step by step, and put your final answer within \\boxed{}."
    )
    assert PRESETS["multiple choice"].prompt.endswith('`"answer": "C"`.')
    assert PRESETS["general"] == Preset()
    assert PRESETS["general"].asked("x") == "x"


def test_presets_of_ones_own() -> None:
    """They join the built-in ones, and may replace one; a name that is gone means the general."""
    own = {"general": {"prompt": "Shortly."}, "mine": {"system": "You rhyme."}}
    chosen = Settings.model_validate({"prompts": {"preset": "mine", "presets": own}}).prompts
    assert list(chosen.known()) == ["general", "mathematics", "multiple choice", "mine"]
    assert chosen.chosen().system == "You rhyme."
    assert chosen.known()["general"].prompt == "Shortly."
    assert Settings.model_validate({"prompts": {"preset": "x"}}).prompts.chosen() == Preset()


def test_everything_has_a_help() -> None:
    """No setting, section or part of an entry without its docstring."""
    for group in groups():
        assert group.help, group.name
        for setting in group.settings:
            assert setting.help, setting.key
            assert all(part.help for part in setting.parts), setting.key
    assert set(settings()) >= {"model", "endpoints", "keys", "prompts.presets"}


def test_keys_are_those_that_are_described() -> None:
    """Without their descriptions, the same settings with the same parts."""
    described = {key: {part.key for part in one.parts} for key, one in settings().items()}
    assert known_keys() == described


def test_unchecked_defaults_are_right_values() -> None:
    """What is not checked at the start would pass the check."""
    for defaults in (Settings.model_construct(), *PRESETS.values()):
        assert type(defaults).model_validate(defaults.model_dump()) == defaults


@given(st.dictionaries(st.sampled_from([*Settings.model_fields, "x"]), VALUES, max_size=4))
def test_any_values_become_settings(values: dict[str, object]) -> None:
    """What is wrong is left out and told once; what is right is kept."""
    found = repaired(Settings, values)
    assert repaired(Settings, found.read) == type(found)(found.value, found.read)
    if not found.problems:
        assert found.value == Settings.model_validate(values)


def test_wrong_values_are_named() -> None:
    """The key as in the file and what is wanted there; entries are counted from one."""
    endpoints = [{"name": "a", "url": "http://a"}, {"name": "b", "url": "b"}]
    found = repaired(
        Settings,
        {
            "sampling": {"temperature": "hot", "top_p": 0.5},
            "thinking": {"display": "none", "hand_over": "x" * 3000},
            "keys": {"send": "enter", "stop": 3},
            "endpoints": endpoints,
        },
    )
    assert found.problems == (
        "sampling.temperature must be a number from 0 to 100",
        "thinking.display must be closed, tail or open",
        "thinking.hand_over must have at most 2,000 characters",
        "keys.stop must be text",
        "endpoints[2].url must begin with http://, https:// or unix:",
    )
    assert found.value.sampling.top_p == 0.5
    assert found.value.keys == {"send": "enter"}
    assert [endpoint.name for endpoint in found.value.endpoints] == ["a"]


def test_a_conversations_own_values() -> None:
    """Sampling, thinking and prompts; nothing else, and nothing that is wrong."""
    own = overridden(
        Settings(),
        {
            "sampling.top_k": 3,
            "prompts.system": "s",
            "thinking.budget": "much",
            "appearance.theme": "other",
            "sampling": {"top_k": 2},
            "nonsense": 1,
        },
    )
    assert own.sampling == SamplingSettings(top_k=3)
    assert own.prompts.system == "s"
    assert (own.thinking, own.appearance) == (Settings().thinking, Settings().appearance)
    assert is_overridable("sampling.seed")
    assert not is_overridable("prompts.presets")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("sampling.temperature", " 0.7 ", 0.7),
        ("sampling.temperature", "", None),
        ("sampling.max_tokens", "32,768", 32768),
        ("thinking.keep", "true", True),
        ("prompts.system", "a\n b ", "a\n b "),
        ("thinking.effort", "low", "low"),
        ("model", "", None),
    ],
)
def test_what_is_typed(key: str, text: str, value: object) -> None:
    """Texts of the screen become values that the schema takes."""
    assert checked(key, parsed(settings()[key], text)) == value


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("sampling.temperature", "hot", "Temperature must be a number from 0 to 100."),
        ("sampling.temperature", "nan", "must be a number from 0 to 100"),
        ("sampling.top_p", "1.5", "Top-p must be a number from 0 to 1."),
        ("sampling.top_k", "1.5", "Top-k must be a whole number of -1 or more."),
        ("sampling.max_tokens", "0", "a whole number of 1 or more"),
        ("appearance.theme", " ", "appearance.theme must not be empty."),
    ],
)
def test_what_is_typed_wrong(key: str, text: str, says: str) -> None:
    """One sentence that says what a value must be."""
    with pytest.raises(WrongValue) as caught:
        checked(key, parsed(settings()[key], text))
    assert says in str(caught.value)


def test_keys_that_are_no_settings() -> None:
    """A sentence for a key that does not exist."""
    with pytest.raises(WrongValue, match="no setting"):
        checked("sampling.heat", 1)
    assert value_of(Settings(), "thinking.display") == "tail"
