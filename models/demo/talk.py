"""Talking: greetings, who it is, and an honest sentence for everything it cannot do."""

from __future__ import annotations

import random

from .example import Turn, opening, vary
from .phrases import FILLERS, FORMS, SMALL_TALK
from .words import ENGLISH, GERMAN, bucket, is_held_out_word, made_up

_ABOUT = {
    False: "I am localqwq's demo model, a tiny reasoner: I can add, compare decimals, count "
    "letters and call a calculator.",
    True: "Ich bin das Demomodell von localqwq: Ich kann addieren, Dezimalzahlen vergleichen, "
    "Buchstaben zählen und einen Rechner aufrufen.",
}
_REPLIES = {
    "greet": {
        False: ("A greeting.", "Hello! " + _ABOUT[False], "demo model"),
        True: ("Ein Gruß.", "Hallo! " + _ABOUT[True], "Demomodell"),
    },
    "who": {
        False: ("A question about me.", _ABOUT[False], "demo model"),
        True: ("Eine Frage über mich.", _ABOUT[True], "Demomodell"),
    },
    "thanks": {
        False: ("Thanks.", "You are welcome!", "welcome"),
        True: ("Ein Dank.", "Gern geschehen!", "Gern"),
    },
    "bye": {
        False: ("A goodbye.", "Goodbye!", "Goodbye"),
        True: ("Ein Abschied.", "Auf Wiedersehen!", "Wiedersehen"),
    },
}
_HONEST = {
    False: "I am only a tiny demo model, so I cannot help with that. For this, load QwQ-32B: "
    "`localqwq pull qwq-32b` gets it.",
    True: "Ich bin nur ein kleines Demomodell und kann dabei nicht helfen. Lade dafür QwQ-32B: "
    "`localqwq pull qwq-32b` holt es.",
}
_HONEST_PATTERN = "cannot help with that.*QwQ-32B|kann dabei nicht helfen.*QwQ-32B"
"""Right in either language: many requests are too short to tell which one was meant."""


def small_talk(rng: random.Random, held_out: bool, german: bool) -> Turn:
    """A greeting, thanks, goodbye, or a question about the model itself."""
    kind = rng.choice(["greet", "greet", "who", "who", "who", "thanks", "bye"])
    forms = SMALL_TALK[kind][german]
    if kind == "who":
        # Only this kind has enough phrasings to keep some of them back.
        forms = [form for form in forms if (bucket(form, 8) == 0) == held_out] or forms
    elif held_out:
        kind, forms = "greet", SMALL_TALK["greet"][german]
    prompt = vary(rng.choice(forms), rng)
    if kind == "who" and rng.random() < 0.25:
        prompt = ("Hallo, " if german else "Hello, ") + prompt[0].lower() + prompt[1:]
    elif kind == "greet" and rng.random() < 0.3:
        prompt = prompt.rstrip("?.! \n") + rng.choice(["!", "", " :)", " there", "!!", "..."])
    thought, answer, pattern = _REPLIES[kind][german]
    return Turn(prompt, thought, answer, pattern)


def _noun(rng: random.Random, held_out: bool, german: bool) -> str:
    while True:
        word = rng.choice(GERMAN if german else ENGLISH)
        if rng.random() < 0.3:
            word = made_up(rng, held_out)
            word = word.capitalize() if german or rng.random() < 0.4 else word
        if is_held_out_word(word) == held_out:
            return word


def _soup(rng: random.Random, held_out: bool, german: bool) -> str:
    """A request of unknown words between a few known small ones."""
    small = FILLERS[german]
    words = [
        rng.choice(small) if rng.random() < 0.5 else _noun(rng, held_out, german)
        for _ in range(rng.randint(1, 9))
    ]
    if german and not any(word in small for word in words):
        words.insert(0, rng.choice(small))
    text = " ".join(words)
    return text[0].upper() + text[1:] + rng.choice(["?", "?", ".", "", "!"])


def something_else(rng: random.Random, held_out: bool, german: bool) -> Turn:
    """Anything else: the world, code, poems, other arithmetic."""
    forms = [form for form in FORMS[german] if (bucket(form, 7) == 0) == held_out]
    if not held_out and rng.random() < 0.35:
        text = _soup(rng, held_out, german)
    else:
        text = rng.choice(forms)
        while "{}" in text:
            text = text.replace("{}", _noun(rng, held_out, german), 1)
        while "#" in text:
            text = text.replace("#", str(rng.randint(0, 10 ** rng.randint(1, 4))), 1)
        text = text[0].upper() + text[1:]
    thought = "Das kann ich nicht." if german else "This is not one of my skills."
    prompt = opening(german, rng) + vary(text, rng)
    return Turn(prompt, thought, _HONEST[german], _HONEST_PATTERN)
