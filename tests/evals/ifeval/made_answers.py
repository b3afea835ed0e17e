"""Answers that follow all instructions of a prompt, and answers that break one."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localqwq.evals.ifeval.compliance import Instruction
from tests.evals.ifeval.languages import SENTENCES

FILLERS = ("the dog is in the house", "a cow may sit by a barn", "my sky", "hmm", "so", "3")
"""Words to fill up with: the first ones that no instruction forbids."""
Arguments = Mapping[str, Any]


def following(instructions: Sequence[Instruction]) -> str:
    """Return an answer that follows all of them, if they can be followed together."""
    kinds = {found.kind.split(":")[1] for found in instructions}
    every = {name: value for found in instructions for name, value in found.arguments.items()}
    words = [word for found in instructions for word in _asked_words(found)]
    if "json_format" in kinds:
        return json.dumps({"text": " ".join(words) or "so"})
    filler = _filler(instructions, every)
    body = " ".join([filler, *words, *_marks(every)])
    lacking = _least(instructions, "num_words") - _words(body)
    body += f" {filler}" * max(0, -(-lacking // _words(filler)))
    body += "." + f" {filler}." * max(0, _least(instructions, "num_sentences") - 1)
    lines = [every["prompt_to_repeat"]] if "prompt_to_repeat" in every else []
    lines += ["<<so>>"] if "title" in kinds else []
    lines += ["My answer is yes."] if "constrained_response" in kinds else []
    lines += [body]
    lines += [
        f"{every.get('section_spliter')} {n + 1}" for n in range(every.get("num_sections", 0))
    ]
    lines += ["- so"] * every.get("num_bullets", 0)
    text = _divided("\n".join(lines), kinds, every)
    for ending in ("postscript_marker", "end_phrase"):
        text += f"\n{every[ending]}" if ending in every else ""
    text = f'"{text}"' if "quotation" in kinds else text
    if "english_capital" in kinds:
        return text.upper()
    return text.lower() if "english_lowercase" in kinds else text


def breaking(instruction: Instruction) -> str:
    """Return an answer of one line that does not follow an instruction, strictly or loosely."""
    given = instruction.arguments
    few = "less than" in given.values()
    match instruction.kind.split(":")[1]:
        case "capital_word_frequency":
            return "BIG " * given["capital_frequency"] if few else "small"
        case "english_lowercase":
            return "The dog is in the house."
        case "existence":
            return "so".join(given["keywords"][:-1]) or "so"
        case "forbidden_words":
            return f"so {given['forbidden_words'][-1].upper()}."
        case "frequency":
            return f"{given['keyword']} " * (given["frequency"] - (not few)) or "so"
        case "letter_frequency":
            return str(given["letter"] * (given["let_frequency"] - (not few))) or "2"
        case "nth_paragraph_first_word":
            return "2"
        case "number_sentences":
            return "So it is. " * int(given["num_sentences"] - (not few))
        case "number_words":
            return "so " * int(given["num_words"] - (not few))
        case "no_comma":
            return "so, so"
        case "two_responses":
            return "so ****** so"
        case "number_placeholders":
            return "[so] " * (given["num_placeholders"] - 1) or "so"
        case "number_paragraphs":
            return " *** ".join(["so"] * (given["num_paragraphs"] + 1))
        case "multiple_sections":
            return f"{given['section_spliter']} 1 " * int(given["num_sections"] - 1)
        case "number_highlighted_sections":
            return "so *so* " * (given["num_highlights"] - 1) or "so"
        case "number_bullet_lists":
            return "so - so * so"
        case "json_format":
            return '{"so": so}'
        case "quotation":
            return 'so "so"'
        case "title":
            return "<so> < <so> >"
        case _:  # English that is neither in capitals nor what was asked for
            return "The dog is in the house."


def _asked_words(instruction: Instruction) -> Iterator[str]:
    given = instruction.arguments
    yield from given.get("keywords", ())
    if "at least" in given.values():
        yield from [given.get("keyword", "")] * given.get("frequency", 0)
        yield given.get("letter", "") * given.get("let_frequency", 0)
        yield from ["BIG"] * given.get("capital_frequency", 0)


def _words(text: str) -> int:
    return len(re.findall(r"\w+", text))


def _marks(every: Arguments) -> Iterator[str]:
    yield from ["[so]"] * every.get("num_placeholders", 0)
    yield from ["*so*"] * every.get("num_highlights", 0)


def _filler(instructions: Sequence[Instruction], every: Arguments) -> str:
    if "language" in every:
        return re.sub(r"[.।]", "", SENTENCES[every["language"]])
    avoided = [
        word
        for found in instructions
        for word in (
            *found.arguments.get("forbidden_words", ()),
            *(
                [found.arguments.get("letter"), found.arguments.get("keyword")]
                if "less than" in found.arguments.values()
                else []
            ),
        )
        if word
    ]
    return next(filler for filler in FILLERS if not any(word in filler for word in avoided))


def _least(instructions: Sequence[Instruction], name: str) -> int:
    return max(
        (
            found.arguments.get(name, 0)
            for found in instructions
            if "at least" in found.arguments.values()
        ),
        default=0,
    )


def _divided(text: str, kinds: set[str], every: Arguments) -> str:
    if "nth_paragraph_first_word" in kinds:
        parts = [text] + ["so"] * (every["num_paragraphs"] - 1)
        place = every["nth_paragraph"] - 1
        parts[place] = f"{every['first_word']}\n{parts[place]}"
        return "\n\n".join(parts)
    if "number_paragraphs" in kinds:
        return "\n***\n".join([text] + ["so"] * (every["num_paragraphs"] - 1))
    return f"{text}\n******\nso" if "two_responses" in kinds else text
