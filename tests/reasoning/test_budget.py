"""A thought is closed at its budget, at the end of a sentence, or on request."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.reasoning.budget import EFFORTS, SentenceEnd, ThoughtControl, ThoughtLimit
from localqwq.reasoning.watch import Watch

WORDS = [" so", " it", " goes"]


def think(watch: Watch, texts: list[str]) -> int | None:
    """After how many tokens the thought is closed, if it is."""
    for count, text in enumerate(texts):
        if watch.close_thought():
            return count
        watch.feed(1000 + count % 50, text, thinking=True)
    return len(texts) if watch.close_thought() else None


def watch(control: ThoughtControl) -> Watch:
    """A generation that begins within a thought."""
    return Watch(control, thinking=True, detect_loops=False)


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("", False),
        ("So it is", False),
        ("So it is.", True),
        ("So it is. ", True),
        ('He said "yes."', True),
        ("pi is 3.", False),
        ("is it?", True),
        ("真的。", True),
        ("a line\n", True),
        ("a line\n\n", True),
        ("**Done!**", True),
        ("(see below)", False),
    ],
)
def test_sentences(text: str, ended: bool) -> None:
    """Full stops outside numbers, and line breaks, however the text is cut."""
    for pieces in ([text], list(text)):
        sentence = SentenceEnd()
        for piece in pieces:
            sentence.feed(piece)
        assert sentence.reached is ended


def test_the_budget_waits_for_the_sentence() -> None:
    """Not before the budget, then at the first end of a sentence."""
    texts = [*WORDS, ".", *WORDS, ".", *WORDS]
    assert think(watch(ThoughtControl(4)), texts) == 4
    assert think(watch(ThoughtControl(5)), texts) == 8
    assert think(watch(ThoughtControl(None)), texts) is None
    assert think(watch(ThoughtControl(0)), texts) == 0


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_the_grace_is_bounded(budget: int) -> None:
    """A sentence without end is cut off."""
    closed = think(watch(ThoughtControl(budget)), WORDS * 500)
    assert closed is not None
    assert budget <= closed <= budget + 64


def test_answer_now() -> None:
    """At the end of the sentence, bounded; at once where nothing has been thought."""
    control = ThoughtControl()
    running = watch(control)
    assert think(running, WORDS) is None
    assert control.answer_now()
    assert think(running, [*WORDS, ".", *WORDS]) == 4
    assert running.closed_by == "requested"
    assert control.over
    assert not control.answer_now()
    early = ThoughtControl()
    early.answer_now()
    assert think(watch(early), WORDS) == 0


def test_more_budget_is_granted() -> None:
    """During the grace, and instead of an answer that was asked for."""
    control = ThoughtControl(2)
    running = watch(control)
    assert think(running, WORDS) is None
    assert control.grant(7)
    assert think(running, WORDS) is None
    assert control.answer_now()
    assert control.grant(None)
    assert think(running, [*WORDS, "."]) is None
    assert not control.over


def test_the_handover_is_a_paragraph() -> None:
    """With line breaks as needed, and nothing to hand over where nothing was thought."""
    limit = ThoughtLimit(ThoughtControl())
    assert limit.handover("Enough.") == "\n"
    limit.feed("a")
    assert limit.handover("Enough.") == "\n\nEnough.\n"
    limit.feed(".\n")
    assert limit.handover("Enough.") == "\nEnough.\n"
    assert limit.handover("") == "\n"


def test_efforts_ask_for_more_and_more() -> None:
    """From none at all to no limit."""
    budgets = [float("inf") if tokens is None else tokens for tokens in EFFORTS.values()]
    assert budgets == sorted(budgets)
    assert {"low", "medium", "high"} < set(EFFORTS)


def test_a_loop_closes_the_thought_and_ends_the_answer() -> None:
    """Each part has a detector of its own."""
    control = ThoughtControl()
    looping = Watch(control, thinking=True, detect_loops=True)
    for _ in range(400):
        if looping.close_thought():
            break
        looping.feed(7, "ha", thinking=True)
    assert looping.closed_by == "loop"
    looping.feed(8, "", thinking=False)
    assert not looping.answer_loops
    for _ in range(900):
        looping.feed(7, "ha", thinking=False)
    assert looping.answer_loops
    assert not looping.close_thought()


def test_a_loop_in_the_thought_is_none_in_the_answer() -> None:
    """Not even if the hand-over's own lines still count as repeats."""
    line = "Wait, maybe I should check the second case of the proof again.\n"
    watching = Watch(ThoughtControl(), thinking=True, detect_loops=True)
    token = 0
    while not watching.close_thought():
        token += 1
        watching.feed(token, line, thinking=True)
    assert watching.closed_by == "loop"
    for text in ("\n", line, "\n"):
        watching.feed(1_000_000, text, thinking=True)
    watching.feed(2_000_000, "", thinking=False)
    watching.feed(3_000_000, line, thinking=False)
    assert not watching.answer_loops
