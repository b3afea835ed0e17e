"""The skill of counting letters: spell the word, with a running count."""

from __future__ import annotations

import random

from .arithmetic import ask, exact
from .example import Turn
from .words import draw_word

_COUNT = {
    False: """How many {l}'s are in the word {w}?|How many {l}'s are in {w}?|How many {l}s in {w}?|
How many times does the letter {l} occur in "{w}"?|How often does {l} occur in {w}?|
How many times does the letter {l} appear in the word {w}?|Count the {l}'s in {w}.|
Count the letter {l} in the word "{w}".|How many {l}'s are there in "{w}"?|
How many {l} are in {w}?|How many letters {l} are in the word {w}?|How many "{l}" are in "{w}"?|
How many {l}'s does the word {w} have?|How many {l}'s are in the word "{w}"?|
In the word {w}, how many {l}'s are there?|How many times is {l} in {w}?""",
    True: """Wie viele {l} sind im Wort {w}?|Wie viele {l} sind in {w}?|Wie viele {l} hat {w}?|
Wie oft kommt {l} in {w} vor?|Wie oft kommt der Buchstabe {l} im Wort {w} vor?|
Zähle die {l} in {w}.|Wie viele {l} sind im Wort "{w}"?|Wie viele {l} hat das Wort {w}?|
Wie oft kommt der Buchstabe {l} in "{w}" vor?|Wie viele Buchstaben {l} sind in {w}?""",
}


def counting(rng: random.Random, held_out: bool, german: bool) -> Turn:
    """How often one letter stands in one word."""
    word = draw_word(rng, held_out, german)
    return count_of(rng, word, german)


def count_of(rng: random.Random, word: str, german: bool, letter: str | None = None) -> Turn:
    """The question for a given word."""
    spelled = word.lower()
    if letter is None:
        pool = spelled if rng.random() < 0.8 else "abcdefghijklmnopqrstuvwxyz"
        letter = rng.choice(pool)
        repeated = [c for c in spelled if spelled.count(c) > 1]
        if repeated and rng.random() < 0.4:
            letter = rng.choice(repeated)
    steps, count = [], 0
    for char in spelled:
        count += char == letter
        steps.append(f"\n{char}{count}")
    start = f"Ich buchstabiere und zähle {letter}" if german else f"I spell and count {letter}"
    prompt = ask(_COUNT, german, rng, l=letter, w=word)
    if german:
        answer = f"Der Buchstabe {letter} kommt {count} Mal vor."
    else:
        answer = f"The letter {letter} occurs {count} time{'' if count == 1 else 's'}."
    return Turn(prompt, f"{start}:{''.join(steps)}", answer, exact(str(count)))
