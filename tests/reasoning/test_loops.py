"""Loops are found soon; tables, code, numbers and refrains are none."""

import itertools
import random
import re
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.reasoning.cycles import LONGEST_CYCLE, CycleDetector
from localqwq.reasoning.loops import (
    IN_ANSWER,
    IN_THOUGHT,
    LineRepeatDetector,
    LoopDetector,
)
from localqwq.reasoning.patience import Patience

BOTH = pytest.mark.parametrize("patience", [IN_THOUGHT, IN_ANSWER], ids=["thought", "answer"])
_TOKEN = re.compile(r"\d| ?[^\W\d]+| ?[^\w\s]+|\s")
NAMES = [
    "Alice", "Bob", "Chidi", "Dana", "Emre", "Farah", "Goran", "Hana",
    "Ines", "Jun", "Kofi", "Lena", "Mara", "Nils", "Olga", "Pia",
]  # fmt: skip
WORDS = [
    "so", "the", "sea", "was", "calm", "and", "old", "men", "told",
    "of", "ships", "that", "went", "far", "beyond", "any", "known", "shore",
]  # fmt: skip


def tokens(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces of about a word, as Qwen's tokenizer cuts it, each with an id."""
    for match in _TOKEN.finditer(text):
        yield zlib.crc32(match[0].encode()), match[0]


def alarm(text: str, patience: Patience) -> int | None:
    """After how many tokens the detector takes the text for a loop, if it does."""
    detector = LoopDetector(patience)
    for count, (token, piece) in enumerate(tokens(text), 1):
        if detector.feed(token, piece):
            return count
    return None


@settings(max_examples=15, deadline=None)
@given(st.integers(1, LONGEST_CYCLE), st.integers(0, 300), st.integers())
def test_exact_cycles_are_found_soon(length: int, before: int, seed: int) -> None:
    """Any length up to the longest, after any beginning, within what the patience allows."""
    draw = random.Random(seed).randrange
    start = [draw(50_000) for _ in range(before)]
    cycle = [50_000 + index for index in range(length)]
    for patience in (IN_THOUGHT, IN_ANSWER):
        detector = CycleDetector(patience)
        assert not any(map(detector.feed, start + cycle))
        needed = max(patience.tokens, patience.rounds * length) + 16
        assert any(map(detector.feed, itertools.islice(itertools.cycle(cycle), needed)))


@settings(max_examples=10, deadline=None)
@given(st.integers(), st.integers(2, 400))
def test_random_tokens_are_no_cycle(seed: int, vocabulary: int) -> None:
    """Nothing is found where nothing is."""
    draw = random.Random(seed).randrange
    detector = CycleDetector(IN_THOUGHT)
    assert not any(detector.feed(draw(vocabulary)) for _ in range(1500))


@BOTH
def test_nearly_equal_lines_are_found(patience: Patience) -> None:
    """Other numbering, other punctuation, the same argument again and again."""
    round_ = (
        "Wait, maybe I should check the second case of the proof again.",
        "Alternatively, the value of x could be 12, as in the table above!",
        "But that contradicts the assumption which we made at the start.",
        "Let me think about the first case of the proof once more",
    )
    ends = (".", "!", "...", "?\n", ".\n\n")
    lines = [
        f"Step {count}: {round_[count % 4].rstrip('.!')}{ends[count % 5]}\n" for count in range(200)
    ]
    found = alarm("".join(lines), patience)
    assert found is not None
    assert found < 20 * (patience.lines + 10)


@BOTH
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(), count=st.integers(20, 60))
def test_tables_are_no_loops(patience: Patience, seed: int, count: int) -> None:
    """In Markdown and as CSV."""
    draw = random.Random(seed)
    rows = [
        (draw.choice(NAMES), draw.randrange(1000), draw.randrange(5), draw.choice(["yes", "no"]))
        for _ in range(count)
    ]
    table = "| name | points | class | passed |\n| --- | --- | --- | --- |\n"
    table += "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)
    assert alarm(table, patience) is None
    assert alarm("".join(f"{','.join(map(str, row))}\n" for row in rows), patience) is None


@BOTH
@settings(max_examples=5, deadline=None)
@given(first=st.integers(0, 10_000), step=st.integers(1, 50), count=st.integers(20, 150))
def test_counting_is_no_loop(patience: Patience, first: int, step: int, count: int) -> None:
    """Lists of numbers, and sentences in which only the number changes."""
    values = range(first, first + step * count, step)
    assert alarm(", ".join(map(str, values)), patience) is None
    lines = [f"The square of the number {value} is equal to {value**2}.\n" for value in values]
    assert alarm("".join(lines), patience) is None


@BOTH
def test_code_is_no_loop(patience: Patience) -> None:
    """Matrices of zeros, tests, inserts, markup: repetitive, and meant."""
    matrix = "board = [\n" + "    [0, 0, 0, 0, 0, 0, 0, 0],\n" * 8 + "]\n"
    cases = [f"    self.assertEqual(square({n}), {n * n})\n" for n in range(60)]
    inserts = [
        f"INSERT INTO users (id, name, mail) VALUES ({n}, '{name}', '{name.lower()}@a.org');\n"
        for n, name in enumerate(NAMES * 3)
    ]
    cards = [
        f'<div class="card mb-3">\n  <img src="{name}.jpg" class="card-img-top">\n'
        f'  <h5 class="card-title">{name}</h5>\n  <a href="#" class="btn btn-primary">More</a>\n'
        "</div>\n"
        for name in NAMES
    ]
    getters = [
        f"    public int get{name}() {{\n        return {name.lower()};\n    }}\n\n"
        for name in NAMES
    ]
    for text in (matrix, "".join(cases), "".join(inserts), "".join(cards), "".join(getters)):
        assert alarm(text, patience) is None
    assert alarm("-" * 80 + "\n" + "=" * 80, patience) is None


@BOTH
def test_songs_are_no_loops(patience: Patience) -> None:
    """A refrain after each verse, a cumulative song, and the bottles on the wall."""
    refrain = (
        "And the rain falls down on the old grey town,\nAnd the wind blows over the sea,\n" * 2
    )
    verses = [
        "\n".join(
            " ".join(
                WORDS[(verse * 5 + line * 7 + place * (verse + 2)) % len(WORDS)]
                for place in range(7)
            )
            for line in range(4)
        )
        for verse in range(8)
    ]
    assert alarm("".join(f"{verse}\n{refrain}\n" for verse in verses), patience) is None
    gifts = [f"{12 - n} {name}s a-singing in the garden tree," for n, name in enumerate(NAMES[:12])]
    days = [
        f"On day {day} of Christmas my true love sent to me\n" + "\n".join(gifts[12 - day :])
        for day in range(1, 7)
    ]
    assert alarm("\n".join(days), patience) is None
    bottles = [
        f"{n} bottles of beer on the wall, {n} bottles of beer.\n"
        f"Take one down and pass it around, {n - 1} bottles of beer on the wall.\n"
        for n in range(99, 0, -1)
    ]
    assert alarm("".join(bottles), patience) is None


def test_a_long_line_is_bounded() -> None:
    """What a line keeps does not grow with it."""
    detector = LineRepeatDetector(IN_THOUGHT)
    for _ in range(10_000):
        assert not detector.feed(" word")
    assert detector._length < 500
