"""Suites without end: small problems that are drawn from a seed.

They are what the demo model can do, so that an evaluation runs offline and in seconds; a large
model should make next to no mistake. As in the demo's training data, a problem is held out if the
CRC-32 of its operands is divisible by a number: the demo has never seen these.
"""

import random
import zlib
from collections.abc import Callable, Iterator

from localqwq.evals.problem import Problem

_LONGEST_WORD = 11
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwz", "aeiou"


def arithmetic(seed: int) -> Iterator[Problem]:
    """Yield sums of two whole numbers with one to three digits."""
    yield from _distinct(seed, _sum)


def decimals(seed: int) -> Iterator[Problem]:
    """Yield pairs of decimals, the larger of which is asked for."""
    yield from _distinct(seed, _pair)


def letters(seed: int) -> Iterator[Problem]:
    """Yield made-up words and a letter to count in each."""
    yield from _distinct(seed, _word)


def _distinct(seed: int, draw: Callable[[random.Random], Problem | None]) -> Iterator[Problem]:
    """Yield each drawn problem once; a draw may come to nothing."""
    rng, known = random.Random(seed), set[str]()
    while True:
        problem = draw(rng)
        if problem is not None and problem.id not in known:
            known.add(problem.id)
            yield problem


def _is_held_out(key: str, size: int) -> bool:
    return zlib.crc32(key.encode()) % size == 0


def _sum(rng: random.Random) -> Problem | None:
    a, b = _whole(rng), _whole(rng)
    if not _is_held_out(f"{min(a, b)}+{max(a, b)}", 10):
        return None
    prompt = rng.choice(("What is {} + {}?", "Add {} and {}.", "How much is {} plus {}?"))
    return Problem(f"{a}+{b}", prompt.format(a, b), str(a + b), "number")


def _whole(rng: random.Random) -> int:
    digits = rng.choices((1, 2, 3), (3, 6, 8))[0]
    return rng.randrange(0 if digits == 1 else 10 ** (digits - 1), 10**digits)


def _pair(rng: random.Random) -> Problem | None:
    whole = [rng.randrange(10 ** rng.choice((1, 1, 2))) for _ in range(2)]
    if rng.random() < 0.7:
        whole[1] = whole[0]
    a, b = (f"{part}.{_digits(rng)}" for part in whole)
    if float(a) == float(b) or not _is_held_out("|".join(sorted((a, b))), 10):
        return None
    prompt = rng.choice(("Which is larger, {} or {}?", "Which number is larger, {} or {}?"))
    return Problem(f"{a}|{b}", prompt.format(a, b), max(a, b, key=float), "larger")


def _digits(rng: random.Random) -> str:
    return "".join(rng.choice("0123456789") for _ in range(rng.choice((1, 1, 2, 2, 2))))


def _word(rng: random.Random) -> Problem | None:
    word = ""
    while len(word) < rng.randint(4, _LONGEST_WORD):
        word += rng.choice(_CONSONANTS) * rng.choice((1, 1, 1, 2)) + rng.choice(_VOWELS)
    word = word[:_LONGEST_WORD]
    letter = rng.choice(word)
    if not _is_held_out(word, 6):
        return None
    prompt = rng.choice(
        (
            "How many {}'s are in the word {}?",
            "How many times does the letter {} appear in the word {}?",
        )
    )
    return Problem(
        f"{letter}|{word}", prompt.format(letter, word), str(word.count(letter)), "number"
    )
