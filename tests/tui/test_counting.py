"""Counts, rates, times and sentences while an answer is generated; all of it pure."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.client.options import budget, chat_options, system_prompt, worded
from localqwq.conversations.turns import Measures, Turn
from localqwq.reasoning.events import Finish, FinishReason, ThoughtEnd, Timings, Usage
from localqwq.settings.schema import Settings
from localqwq.settings.sections import (
    Preset,
    PromptSettings,
    SamplingSettings,
    ThinkingSettings,
)
from localqwq.tui.session.answer_run import (
    EMPTY,
    FULL,
    LIMIT,
    LOOPED,
    SPENT,
    THOUGHT_LOOPED,
    ending,
)
from localqwq.tui.session.counting import Count
from localqwq.tui.session.partial_answer import PartialAnswer, beginning, begun_measures
from localqwq.tui.widgets.status import answering, progress, thinking


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_that_reading_takes() -> None:
    """Told once the rate is steady; what was in the cache already does not count as read."""
    clock = Clock()
    count = Count(Measures(), clock)
    assert count.read(400, 1000, 400) is None
    clock.now += 0.1
    assert count.read(450, 1000) is None
    clock.now += 0.9
    assert count.read(500, 1000) == pytest.approx(5.0)
    assert count.measures.context_tokens == 1000


def test_the_speed_of_reading() -> None:
    """Known once enough was read; the server's own measure wins."""
    clock = Clock()
    count = Count(Measures(), clock)
    count.read(400, 1000, 400)
    clock.now += 1
    count.read(500, 1000)
    assert count.reading is None
    clock.now += 1
    count.read(600, 1000)
    assert count.reading == pytest.approx(100.0)
    few = Finish("stop", Usage(1000, cached_tokens=900), Timings(prompt_tps=7.0))
    count.finish(few)
    assert count.reading == pytest.approx(100.0)
    count.finish(replace(few, usage=Usage(1000, cached_tokens=400)))
    assert count.reading == 7.0


def test_the_first_news_of_a_slow_prompt_tells_of_its_time() -> None:
    """A large model reads hundreds of tokens before it says anything."""
    clock = Clock()
    count = Count(Measures(), clock)
    clock.now += 6
    assert count.read(400, 1000, 100) == pytest.approx(12.0)
    clock.now += 3
    assert count.read(600, 1000, 100) == pytest.approx(6.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5))), st.integers(0, 50))
def test_what_is_counted_adds_up(pieces: list[tuple[bool, int]], begun: int) -> None:
    """Also behind a thought that was there already, whose tokens have no part in the rate."""
    clock = Clock()
    count = Count(Measures(tokens=begun, thought_tokens=begun), clock)
    count.read(10, 10)
    for is_thought, tokens in pieces:
        clock.now += 1
        (count.thought if is_thought else count.answer)(tokens)
    thought = sum(tokens for is_thought, tokens in pieces if is_thought)
    total = sum(tokens for _, tokens in pieces)
    measures = count.measures
    assert measures.thought_tokens == begun + thought
    assert measures.tokens == begun + total
    assert measures.context_tokens == 10 + total
    assert measures.rate <= 5


def test_the_servers_counts_win() -> None:
    """At the end, with those of the beginning added."""
    count = Count(Measures(tokens=7, thought_tokens=7), Clock())
    count.thought(1)
    usage = Usage(prompt_tokens=20, reasoning_tokens=30, completion_tokens=50)
    count.finish(Finish("stop", usage, Timings(generate_tps=12.5)))
    measures = count.measures
    assert (measures.thought_tokens, measures.tokens) == (37, 57)
    assert (measures.context_tokens, measures.rate) == (70, 12.5)


@pytest.mark.parametrize(
    ("reason", "thought", "answered", "limited", "sentence"),
    [
        ("stop", "closed", True, False, ""),
        ("stop", "closed", False, False, EMPTY),
        ("stop", "budget", True, False, SPENT),
        ("stop", "requested", True, False, ""),
        ("stop", "loop", True, False, THOUGHT_LOOPED),
        ("loop", "closed", True, False, LOOPED),
        ("length", "unfinished", False, False, FULL),
        ("length", "closed", True, True, LIMIT),
    ],
)
def test_what_is_said_of_an_end(
    reason: FinishReason, thought: ThoughtEnd, answered: bool, limited: bool, sentence: str
) -> None:
    """Nothing of an ordinary one."""
    finish = Finish(reason, Usage(), Timings(), thought=thought)
    assert ending(finish, answered, limited=limited) == sentence


def test_an_edited_beginning() -> None:
    """Is the last message of the request; its tokens are in proportion to the text that is left."""
    assert beginning(PartialAnswer("", "a")) == {"role": "assistant", "content": "a"}
    assert beginning(PartialAnswer("t")) == {
        "role": "assistant",
        "content": "",
        "reasoning_content": "t",
    }
    old = Turn(2, 1, "assistant", thought="abcd", measures=Measures(thought_tokens=100))
    assert begun_measures(old, "ab").thought_tokens == 50
    assert begun_measures(Turn(2, 1, "assistant"), "ab").thought_tokens == 0


def test_settings_become_options() -> None:
    """Only what differs from the model's own is sent."""
    plain = chat_options(Settings(), "m", goes_on=False)
    assert plain.more == {}
    assert plain.stream_interval
    assert (plain.reasoning_budget, plain.continue_final_message) == (None, None)
    settings = Settings(
        sampling=SamplingSettings(temperature=0.7, max_tokens=9),
        thinking=ThinkingSettings(budget=5, effort="low", hand_over="Go.", loop_detection=False),
    )
    options = chat_options(settings, "m", goes_on=True)
    assert options.more == {"temperature": 0.7, "max_tokens": 9}
    assert (options.reasoning_budget, options.reasoning_effort) == (5, None)
    assert options.reasoning_budget_message == "Go."
    assert (options.loop_detection, options.continue_final_message) == (False, True)


@pytest.mark.parametrize(
    ("thought", "tokens"),
    [
        (ThinkingSettings(), None),
        (ThinkingSettings(budget=-1, effort="low"), None),
        (ThinkingSettings(budget=0), 0),
        (ThinkingSettings(effort="low"), 1024),
        (ThinkingSettings(effort="high"), None),
    ],
)
def test_budgets(thought: ThinkingSettings, tokens: int | None) -> None:
    """The number goes before the word."""
    assert budget(thought) == tokens


def test_a_presets_words_are_below_every_prompt() -> None:
    """And its system prompt goes before the general one."""
    preset = Preset(system="Be brief.", prompt="Step by step.")
    prompts = PromptSettings(system="Be kind.", preset="mine", presets={"mine": preset})
    assert system_prompt(Settings(prompts=prompts)) == "Be brief."
    assert system_prompt(Settings(prompts=PromptSettings(system="Be kind."))) == "Be kind."
    asked = worded(
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], preset
    )
    assert [message["content"] for message in asked] == ["a\n\nStep by step.", "b"]


def test_what_the_status_says() -> None:
    """Short enough for 80 columns."""
    measures = Measures(tokens=1400, thought_tokens=1310)
    assert thinking(measures, None, answer_wanted=False) == "Thinking 1,310"
    assert thinking(measures, 4096, answer_wanted=False) == "Thinking 1,310 / 4,096"
    assert thinking(measures, 4096, answer_wanted=True) == "Finishing the thought"
    assert answering(measures) == "Answering 90"
    assert progress("Loading …", 0.45, 12.0) == "Loading … 45%, 12 s left"
    assert progress("Loading …", 0.45, None) == "Loading … 45%"
