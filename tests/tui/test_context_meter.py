"""What fills the context: sums, cells, warnings, and how it is shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.client.limits import ContextLimits
from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Measures, Turn
from localqwq.tui.screens.context import ContextScreen
from localqwq.tui.session.context_fill import PARTS, ROOM, Fill, cells, scaling, warning
from localqwq.tui.widgets.context_bar import PATTERNS, ContextBar, Legend, compact, legend
from tests.chatting import chat, served

COUNTS = st.integers(0, 200_000)


@given(st.tuples(*[COUNTS] * len(PARTS)), COUNTS, st.integers(10, 60))
def test_cells_fill_no_more_than_the_bar(parts: tuple[int, ...], total: int, width: int) -> None:
    """Any use shows, what is unused does not, and a full context is a full bar."""
    found = cells(parts, total, width)
    assert sum(found) <= width
    assert all(bool(cell) == bool(part) for cell, part in zip(found, parts, strict=True))
    if sum(parts) == 0:
        assert sum(found) == 0
    # Each part's cells may be rounded.
    elif sum(parts) >= total:
        assert width - sum(found) <= len(parts)


@given(*[COUNTS] * 4)
def test_what_runs_adds_up(system: int, prompt: int, thought: int, answer: int) -> None:
    """The parts of a running answer are those that the server counted."""
    tokens = thought + answer
    measures = Measures(
        tokens=tokens, thought_tokens=thought, context_tokens=system + prompt + tokens
    )
    fill = Fill(system=system, draft=5).running(measures)
    assert (fill.system, fill.history, fill.thought, fill.answer, fill.draft) == (
        system,
        prompt,
        thought,
        answer,
        0,
    )


@given(*[COUNTS] * 5)
def test_rounds_with_calls_add_up(
    tools: int, results: int, prompt: int, thought: int, answer: int
) -> None:
    """What earlier rounds generated is in the prompt; tools and results are told apart there."""
    before = Measures(tokens=70, thought_tokens=40)
    new = thought + answer
    measures = Measures(
        tokens=70 + new,
        thought_tokens=40 + thought,
        context_tokens=tools + results + prompt + new,
    )
    fill = Fill(tools=tools, results=results).running(measures, before)
    assert (fill.history, fill.thought, fill.answer) == (prompt, thought, answer)
    assert fill.used == measures.context_tokens


def test_the_thoughts_of_rounds_are_gone_already() -> None:
    """Only the last thought leaves with the next prompt, about as long as its text says."""
    measures = Measures(tokens=90, thought_tokens=80, context_tokens=200)
    rounds = (Round("t" * 30), Round("t" * 30))
    answer = Turn(2, 1, "assistant", "b", "t" * 20, measures=measures, rounds=rounds)
    fill = Fill(tools=50).resting((Turn(1, None, "user", "a"), answer), keep_thoughts=False)
    assert (fill.used, fill.history, fill.is_exact) == (180, 130, False)


def test_earlier_thoughts_take_no_room() -> None:
    """Unless they are kept; where nothing was counted it is an estimate."""
    measures = Measures(tokens=90, thought_tokens=70, context_tokens=120)
    path = (Turn(1, None, "user", "a"), Turn(2, 1, "assistant", "b", measures=measures))
    assert Fill(system=20).resting(path, keep_thoughts=False).history == 30
    assert Fill(system=20).resting(path, keep_thoughts=True).history == 100
    imported = (Turn(1, None, "user", "a" * 400), Turn(2, 1, "assistant", "b" * 400))
    guess = Fill().resting(imported, keep_thoughts=False)
    assert not guess.is_exact
    assert guess.history >= 200
    assert Fill(history=9, is_exact=False).resting((), keep_thoughts=False) == Fill()


@pytest.mark.parametrize(
    ("fill", "limits", "words"),
    [
        (Fill(history=100), ContextLimits(2048, 2048, 2048), ""),
        (Fill(draft=100), ContextLimits(2048, 2048, 2048), ""),
        (Fill(draft=1700), ContextLimits(2048, 2048, 2048), "leaves 336 tokens"),
        (Fill(draft=2040), ContextLimits(2048, 2048, 2048), "does not fit: it needs 2,052"),
        (Fill(draft=2100, is_exact=False), ContextLimits(2048, 2048, 2048), "about 2,112"),
        (Fill(history=30_000, draft=5000), ContextLimits(32_768, 131_072, 32_768), "extends"),
        (Fill(history=10_000, draft=5000), ContextLimits(8192, 131_072, 32_768), ""),
    ],
)
def test_what_is_said_before_sending(fill: Fill, limits: ContextLimits, words: str) -> None:
    """Nothing while there is room."""
    found = warning(fill, limits)
    assert words in found
    assert bool(found) == bool(words)
    assert ROOM > 0


def test_what_growing_means() -> None:
    """The sentence tells of rope scaling where it is on or may come."""
    assert "is off" in scaling(ContextLimits(32_768, 131_072, 32_768))
    assert "up to 131,072" in scaling(ContextLimits(32_768, 131_072, 32_768))
    assert "on by 2" in scaling(ContextLimits(65_536, 131_072, 32_768, 2.0))
    assert "can grow to 8,192" in scaling(ContextLimits(4096, 8192, 8192))
    assert "does not grow" in scaling(ContextLimits(2048, 2048, 2048))


def test_the_parts_are_told_apart_without_colours() -> None:
    """Each has a pattern of its own, in the bar and in the legend."""
    assert len(set(PATTERNS.values())) == len(PATTERNS)
    fill = Fill(10, 20, 30, 40, 50, tools=60, results=70)
    assert all(PATTERNS[name] in legend(fill, 1000).plain for name in PARTS)
    assert compact(fill, 1000, 10).plain.endswith("280 / 1,000")
    assert compact(Fill(history=5, is_exact=False), 100, 0).plain == "~5 / 100"
    assert compact(Fill(history=5), None, 10).plain == "5 tokens"


async def test_a_long_prompt_is_told_of_before_it_is_sent(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the one before has taken to read; in a conversation that is new to the model, what
    was said before is to be read, too."""
    monkeypatch.setattr("localqwq.tui.session.context_gauge.LONG_READING", 0.0)
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.type("Hi")
        await app.until(lambda: app.chat.query_one(ContextBar).fill.draft > 0)
        assert "Reads this in" not in app.text()
        await app.pilot.press("ctrl+u")
        app.prompt.load_text("What is 2 + 3? " * 30)
        await app.pilot.press("enter")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        await app.type("What is 2 + 3?")
        await app.until(lambda: "Reading takes about 1 s" in app.text())
        gauge, session = app.chat.state.gauge, app.app.session
        assert gauge is not None
        assert session is not None
        short = gauge.long_reading
        session.connection.heard.clear()
        assert gauge.long_reading > 2 * short


async def test_a_prompt_that_will_not_fit_is_told_of_before_it_is_sent(
    demo_server: str, home: Path
) -> None:
    """The draft is counted by the model's own tokenizer while one types; F5 says all of it."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(lambda: app.chat.query_one(ContextBar).total == 2048)
        app.prompt.insert("What is 1 + 1? " * 40)
        await app.until(lambda: app.chat.query_one(ContextBar).fill.draft > 300)
        assert "does not fit" not in app.text()
        app.prompt.insert("What is 1 + 1? " * 400)
        await app.until(lambda: "This does not fit: it needs" in app.text())
        app.prompt.clear()
        await app.until(lambda: "does not fit" not in app.text())
        await app.pilot.press("f5")
        await app.until(lambda: isinstance(app.app.screen, ContextScreen))
        await app.pilot.press("escape")
        await app.until(lambda: app.app.screen is app.chat)


async def test_a_wide_terminal_has_the_legend(demo_server: str, home: Path) -> None:
    """With the parts by name; a click on it tells more."""
    async with chat(served(demo_server), home / "store", size=(140, 45)) as app:
        await app.ask("What is 1 + 1?")
        await app.until(lambda: app.chat.query_one(Legend).size.height == 1)
        assert not app.chat.query_one(ContextBar).display
        await app.pilot.click(Legend)
        await app.until(lambda: isinstance(app.app.screen, ContextScreen))
