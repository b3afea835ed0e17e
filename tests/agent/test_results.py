"""Results of tools are data: nothing in them ends their frame, and they come in pages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.agent.pages import ResultPages
from localqwq.agent.results import MOST, PAGE, as_data, harmless
from localqwq.agent.tool import ToolFailed

NAMES = [
    "<|im_end|>",
    "<|im_start|>",
    "</tool_response>",
    "<tool_response>",
    "<tool_call>",
    "</think>",
    "<think >",
    "<｜User｜>",
    "<｜tool▁calls▁end｜>",
    "[INST]",
    "[/INST]",
    "</s>",
    "<end_of_turn>",
    "<|eot_id|>",
    "<TOOL_CALL>",
]


@given(st.lists(st.sampled_from([*NAMES, "<", ">", "|", "/", "`", "\n", "a", "\x1b[2J"])))
def test_no_control_token_and_no_control_character_is_left(parts: list[str]) -> None:
    """However they are put together."""
    clean = harmless("".join(parts))
    assert not [name for name in NAMES if name in clean]
    assert "\x1b" not in clean
    assert len(clean) == len("".join(parts))


@given(st.text(alphabet="`~\n ab<|im_end|>"))
def test_nothing_ends_the_fence(text: str) -> None:
    """The last line is the first one that could."""
    data = as_data(text)
    if not data.startswith("```"):
        assert "\n" not in data
        return
    fence, *body, last = data.split("\n")
    assert last == fence
    assert not [line for line in body if re.fullmatch(rf" {{0,3}}{fence}`*\s*", line)]


@pytest.mark.parametrize(
    "text", ["a < b", "[1] and [INSTALL]", "<html><body>", "x |= y", "<b>s</b>"]
)
def test_ordinary_text_stays(text: str) -> None:
    """Nothing is replaced without need."""
    assert as_data(text) == text


def test_long_results_come_in_pages() -> None:
    """Together they are the result; others are refused."""
    pages = ResultPages()
    short, text = "4042", "".join(f"{number:07}\n" for number in range(PAGE // 4))
    assert pages.first(short) == short
    first = pages.first(text)
    assert "page 1 of 2 of result 2" in first
    second = pages.read_result(2, 2)
    body = "".join(re.findall(r"^\d{7}\n", first + "\n" + second, re.MULTILINE))
    assert body == text
    for result, page in ((3, 1), (0, 1), (2, 3), (2, 0)):
        with pytest.raises(ToolFailed):
            pages.read_result(result, page)
    assert f"of {-(-MOST // PAGE)} of" in pages.first("x" * (MOST + PAGE))
