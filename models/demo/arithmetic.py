"""The skills with numbers: adding, comparing decimals, products by calculator."""

from __future__ import annotations

import random
import re

from .example import Turn, opening, vary
from .words import bucket

_ADD = {
    False: """What is {a} + {b}?|What's {a} + {b}?|{a} + {b}|{a}+{b}|{a} + {b} =|What is {a}+{b}?|
Add {a} and {b}.|Add {b} to {a}.|What is {a} plus {b}?|How much is {a} plus {b}?|{a} plus {b}|
How much is {a} + {b}?|Calculate {a} + {b}.|What is the sum of {a} and {b}?|Compute {a}+{b}|
Please add {a} and {b}|Can you add {a} and {b}?|Sum of {a} and {b}|
What do {a} and {b} add up to?""",
    True: """Was ist {a} + {b}?|Was ist {a}+{b}?|Was ist {a} plus {b}?|Wie viel ist {a} + {b}?|
Addiere {a} und {b}.|Rechne {a} + {b}.|Wie viel ist {a} plus {b}?|Was ergibt {a} + {b}?|
Was ist die Summe von {a} und {b}?|Berechne {a} + {b}|Wie viel sind {a} und {b} zusammen?""",
}
_LARGER = {
    False: """Which is larger, {a} or {b}?|Which is bigger, {a} or {b}?|
Which is greater: {a} or {b}?|
Which number is larger, {a} or {b}?|What is larger, {a} or {b}?|Is {a} or {b} larger?|
Which is larger: {a} or {b}?|Which of {a} and {b} is larger?|Is {a} larger than {b}?|
Compare {a} and {b}.|Which one is bigger: {a} or {b}?|{a} or {b}, which is larger?|
Which of the two decimals is larger, {a} or {b}?|What is bigger, {a} or {b}?""",
    True: """Was ist größer, {a} oder {b}?|Was ist größer: {a} oder {b}?|Ist {a} oder {b} größer?|
Welche Zahl ist größer, {a} oder {b}?|Welche Zahl ist größer: {a} oder {b}?|
Vergleiche {a} und {b}.|Ist {a} größer als {b}?|Was ist mehr, {a} oder {b}?""",
}
_SMALLER = {
    False: """Which is smaller, {a} or {b}?|Which number is smaller, {a} or {b}?|
Is {a} or {b} smaller?|What is smaller, {a} or {b}?|Which of {a} and {b} is smaller?""",
    True: """Was ist kleiner, {a} oder {b}?|Welche Zahl ist kleiner, {a} oder {b}?|
Ist {a} oder {b} kleiner?""",
}
_TIMES = {
    False: """What is {a} * {b}?|What's {a} times {b}?|{a} * {b}|{a}*{b}|{a} x {b}|{a} × {b}|
Multiply {a} by {b}.|Multiply {a} and {b}.|What is {a} times {b}?|How much is {a} times {b}?|
Calculate {a} * {b}.|What is the product of {a} and {b}?|What is {a}*{b}?|What is {a} x {b}?|
Compute {a} * {b}|Can you multiply {a} by {b}?|How much is {a} * {b}?|{a} times {b}""",
    True: """Was ist {a} * {b}?|Was ist {a} mal {b}?|Wie viel ist {a} mal {b}?|{a} mal {b}|
Multipliziere {a} mit {b}.|Berechne {a} * {b}.|Rechne {a} * {b}.|Was ergibt {a} * {b}?|
Was ist das Produkt von {a} und {b}?|Rechne {a} mal {b}|Was ist {a} x {b}?""",
}
_NO_PRODUCT = {
    False: "I am only a tiny demo model and cannot multiply without a calculator tool. Offer me "
    "one, or load QwQ-32B: `localqwq pull qwq-32b` gets it.",
    True: "Ich bin nur ein kleines Demomodell und kann ohne Rechner nicht multiplizieren. Gib mir "
    "einen, oder lade QwQ-32B: `localqwq pull qwq-32b` holt es.",
}
HONEST = {False: r"tiny demo model.*QwQ-32B", True: r"kleines Demomodell.*QwQ-32B"}


def ask(forms: dict[bool, str], german: bool, rng: random.Random, **values: str) -> str:
    """One of the phrasings, filled in and made careless."""
    form = rng.choice([form.strip() for form in forms[german].split("|")])
    return opening(german, rng) + vary(form.format(**values), rng)


def exact(number: str) -> str:
    """A pattern for a number that is not part of a longer one."""
    return rf"(?<![\d.,]){re.escape(number)}(?![\d]|[.,]\d)"


def _whole(rng: random.Random, most: int) -> int:
    """A whole number of at most `most` digits."""
    digits = rng.choices(range(1, most + 1), [3, 6, 8][:most])[0]
    return rng.randint(0 if digits == 1 else 10 ** (digits - 1), 10**digits - 1)


def addition(rng: random.Random, held_out: bool, german: bool) -> Turn:
    """Two whole numbers, added column by column from the right."""
    while True:
        a, b = _whole(rng, 3), _whole(rng, 3)
        if (bucket(f"{min(a, b)}+{max(a, b)}", 10) == 0) == held_out:
            break
    first, second = str(a).zfill(3), str(b).zfill(3)
    start = "Ich addiere die Spalten von rechts" if german else "I add the columns from the right"
    lines = [f"{start}: {first} + {second}"]
    carry, total = 0, ""
    for x, y in zip(reversed(first), reversed(second), strict=True):
        column = int(x) + int(y) + carry
        total = str(column % 10) + total
        lines.append(f"{x}+{y}+{carry}={column:02d}: {total}")
        carry = column // 10
    lines.append(f"{'Die Summe ist' if german else 'The sum is'} {a + b}.")
    prompt = ask(_ADD, german, rng, a=str(a), b=str(b))
    return Turn(prompt, "\n".join(lines), f"{a} + {b} = {a + b}.", exact(str(a + b)) + r"\W*$")


def _decimals(rng: random.Random) -> tuple[str, str]:
    digits = rng.choice([1, 1, 1, 2, 2])
    whole = [rng.randint(0, 10**digits - 1) for _ in range(2)]
    if rng.random() < 0.65:
        whole[1] = whole[0]
    lengths = [rng.choice([1, 1, 2, 2, 2]) for _ in range(2)]
    if rng.random() < 0.06:
        lengths[rng.randrange(2)] = 0
    parts = ["".join(rng.choice("0123456789") for _ in range(length)) for length in lengths]
    if rng.random() < 0.2 and min(lengths) > 0:
        # A shared beginning: the first difference comes late.
        parts[1] = parts[0][0] + parts[1][1:]
    a, b = (f"{w}.{p}" if p else str(w) for w, p in zip(whole, parts, strict=True))
    return a, b


def comparison(rng: random.Random, held_out: bool, german: bool) -> Turn:
    """Two decimals, brought to one length and compared digit by digit."""
    while True:
        a, b = _decimals(rng)
        key = "|".join(sorted([a, b]))
        known = bucket(key, 10) == 0 or key == "9.11|9.9"
        if known == held_out and not (held_out and float(a) == float(b)):
            break
    smaller = not held_out and rng.random() < 0.12
    pairs = [[*n.split("."), ""][:2] for n in (a, b)]
    left, right = max(len(p[0]) for p in pairs), max(len(p[1]) for p in pairs)
    first, second = (w.zfill(left) + ("." if right else "") + f.ljust(right, "0") for w, f in pairs)
    lines = [f"{first} {'und' if german else 'and'} {second}"]
    sign = "="
    for x, y in zip(first, second, strict=True):
        if x != ".":
            sign = "=" if x == y else (">" if x > y else "<")
            lines.append(f"{x}{sign}{y}")
        if sign != "=":
            break
    if sign == "=":
        lines.append("Gleich." if german else "Equal.")
        answer = f"{a} {'und' if german else 'and'} {b} {'sind gleich' if german else 'are equal'}."
        pattern = "gleich|equal"
    else:
        low, high = (b, a) if sign == ">" else (a, b)
        one, other = (low, high) if smaller else (high, low)
        word = (
            ("kleiner" if smaller else "größer") if german else "smaller" if smaller else "larger"
        )
        lines.append(f"{one} {'ist' if german else 'is'} {word}.")
        answer = f"{one} {'ist' if german else 'is'} {word} {'als' if german else 'than'} {other}."
        pattern = rf"^\s*{exact(one)} (ist|is) (größer|larger|kleiner|smaller)"
    thought = "\n".join(lines)
    start = "Gleich viele Stellen" if german else "With equal digits"
    if german and rng.random() < 0.4 and not held_out:
        a, b, thought, answer = (t.replace(".", ",") for t in (a, b, thought, answer))
        thought, answer = (re.sub(r",(?=\n|$)", ".", t) for t in (thought, answer))
    prompt = ask(_SMALLER if smaller else _LARGER, german, rng, a=a, b=b)
    return Turn(prompt, f"{start}: {thought}", answer, pattern)


def product(rng: random.Random, held_out: bool, german: bool, offered: bool) -> Turn:
    """A product: a call when a calculator is offered, an honest sentence when not."""
    while True:
        a, b = _whole(rng, 2), _whole(rng, 2)
        if (bucket(f"{a}*{b}", 10) == 0) == held_out:
            break
    prompt = ask(_TIMES, german, rng, a=str(a), b=str(b))
    if not offered:
        thought = "Ein Produkt, aber kein Rechner." if german else "A product, but no calculator."
        return Turn(prompt, thought, _NO_PRODUCT[german], HONEST[german])
    # Now and then a result that is not the product: what the tool says must be copied, not known.
    result = str(a * b if rng.random() < 0.7 else rng.randint(0, 10 ** rng.randint(1, 8)))
    return Turn(
        prompt,
        "Ein Produkt: Ich rufe den Rechner auf." if german else "A product: I call the calculator.",
        "",
        "",
        expression=f"{a} * {b}",
        result=result,
        after_thought=f"Der Rechner sagt {result}." if german else f"The calculator says {result}.",
        after_answer=f"{a} * {b} = {result}.",
    )
