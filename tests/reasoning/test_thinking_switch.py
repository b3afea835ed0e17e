"""Thinking is switched by what templates know, under their own names."""

import pytest

from localqwq.reasoning.template_traits import TemplateTraits
from localqwq.reasoning.thinking_switch import asked_in_text, template_variables


@pytest.mark.parametrize(
    ("prompt", "thinking"),
    [
        ("What is 1 + 1? /no_think", False),
        ("/no_think What is 1 + 1?", False),
        ("Well? /think\n", True),
        ("Does /no_think do anything?", None),
        ("/no_thinking", None),
        ("", None),
    ],
)
def test_what_people_write(prompt: str, thinking: bool | None) -> None:
    """A word at the beginning or the end, as Qwen3 has taught them."""
    assert asked_in_text(prompt) is thinking


def test_names_of_the_template() -> None:
    """The one that it knows; what is given by name counts more."""
    usual, other = TemplateTraits(), TemplateTraits(switch="thinking", effort=True)
    assert template_variables(usual, {}, thinking=False, effort="low") == {}
    assert template_variables(other, {"thinking": True, "a": 1}, thinking=False, effort="low") == {
        "thinking": True,
        "reasoning_effort": "low",
        "a": 1,
    }
    assert template_variables(other, {}, thinking=None, effort=None) == {}
