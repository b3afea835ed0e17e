"""Each kind of instruction, followed and not followed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.evals.ifeval.compliance import Instruction, compliance, instructions_of, written
from localqwq.evals.ifeval.language import language_of
from localqwq.evals.ifeval.rules import RULES
from localqwq.evals.problem import Problem
from localqwq.evals.verdict import judge
from tests.evals.ifeval.languages import SENTENCES

CASES: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "change_case:capital_word_frequency": (
        {"capital_relation": "less than", "capital_frequency": 2},
        ["Only ONE here.", "none", "Only ONE, and eleVEN."],
        ["TWO of THEM", "I think I'm", "COVID-19 in the U.S. now"],
    ),
    "change_case:english_capital": (
        {},
        ["THE DOG IS IN THE HOUSE. 3 TIMES!"],
        ["The DOG IS IN THE HOUSE.", "GESTERN GING ICH MIT MEINER SCHWESTER ZUM MARKT.", "123"],
    ),
    "change_case:english_lowercase": (
        {},
        ["the dog is in the house. 3 times!"],
        ["The dog is in the house.", "gestern ging ich mit meiner schwester zum markt.", "123"],
    ),
    "combination:repeat_prompt": (
        {"prompt_to_repeat": "Say it. "},
        ["Say it.\n\nIt.", "  say IT. It."],
        ["Of course! Say it. It.", '"Say it." It.'],
    ),
    "combination:two_responses": (
        {},
        ["One\n******\nTwo", "******\nOne\n******\nTwo\n******"],
        ["One", "One\n******\nOne", "One ****** Two ****** Three", "One ****** ****** Two"],
    ),
    "detectable_content:number_placeholders": (
        {"num_placeholders": 2},
        ["[name], [address]", "[a][b][c]"],
        ["[name]", "[name\n] [a]", "(name) (address)"],
    ),
    "detectable_content:postscript": (
        {"postscript_marker": "P.P.S"},
        ["Bye.\nP.P.S. One more.", "bye. p. p. s one"],
        ["Bye.\nP.S. One more.", "PPS One"],
    ),
    "detectable_format:constrained_response": (
        {},
        ["My answer is no.", "**My answer is maybe.** Because …"],
        ["My answer is No.", "My answer is perhaps.", "Yes."],
    ),
    "detectable_format:json_format": (
        {},
        ['{"a": [1, null]}', '```json\n{"a": 1}\n```', "```\n[1]\n```\n"],
        ['{"a": 1', "{'a': 1}", 'Here: {"a": 1}'],
    ),
    "detectable_format:multiple_sections": (
        {"section_spliter": "Section", "num_sections": 2},
        ["Section 1\nOne\nSection 2\nTwo", "## Section1: x\n## Section 22: y"],
        ["Section 1\nOne", "SECTION 1 SECTION 2", "Section one\nSection two"],
    ),
    "detectable_format:number_bullet_lists": (
        {"num_bullets": 2},
        ["* one\n* two", "- one\n  * two", "One:\n\n- one\n\n- two"],
        ["* one", "* one\n* two\n- three", "**one**\n**two**", "1. one\n2. two", "+ one\n+ two"],
    ),
    "detectable_format:number_highlighted_sections": (
        {"num_highlights": 2},
        ["*one* and *two*", "**one** and **two**", "*one* and **two**"],
        ["*one* and two", "* * and **", "*one\ntwo* and *three", "_one_ and _two_"],
    ),
    "detectable_format:title": (
        {},
        ["<<One>>\nText", "Text <<One>>", "<<One and\n<<two>>"],
        ["<One>", "<< >>", "<<One\n>>", "«One»"],
    ),
    "keywords:existence": (
        {"keywords": ["cat", "Dog"]},
        ["Dogs and CATs.", "category of dogma"],
        ["cats", "c at dog"],
    ),
    "keywords:forbidden_words": (
        {"forbidden_words": ["cat", "dog"]},
        ["category of dogs", "nothing", "cat_1"],
        ["A cat.", "hot-DOG!", "cat"],
    ),
    "keywords:frequency": (
        {"relation": "at least", "keyword": "war", "frequency": 2},
        ["War and war.", "warm towards"],
        ["War and peace.", "ward"],
    ),
    "keywords:letter_frequency": (
        {"let_relation": "less than", "letter": "q", "let_frequency": 2},
        ["none", "one Q"],
        ["Quick q"],
    ),
    "language:response_language": (
        {"language": "de"},
        [SENTENCES["de"], "1 + 1 = 2"],
        [SENTENCES["en"], SENTENCES["pt"]],
    ),
    "length_constraints:nth_paragraph_first_word": (
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "so"},
        ["One.\n\nSo, it is.", "One.\n\n\n'so' it is.", 'One.\n\n"So." Yes\n\n'],
        ["So.\n\nTwo.", "One.\n\nSo.\n\nThree.", "One.\nSo.", "One.\n\n\n\nSo.", "x\n\nSoon."],
    ),
    "length_constraints:number_paragraphs": (
        {"num_paragraphs": 2},
        ["One\n***\nTwo", "***\nOne *** Two\n***"],
        ["One\n\nTwo", "One *** *** Two", "One***Two***Three"],
    ),
    "length_constraints:number_sentences": (
        {"relation": "less than", "num_sentences": 3},
        [
            "One. Two!",
            "Dr. No met J. Bond, e.g. at 3.50 p.m. there. Two?",
            "He … said: Well... so. I.",
            "no end",
            "One\nTwo\nThree",
        ],
        [
            "One. Two. Three",
            "Is it? Yes! So.",
            "At 5 p.m. He left. I...",
            'He said "No." She "Yes." I did.',
            "एक। दो। तीन।",
        ],
    ),
    "length_constraints:number_words": (
        {"relation": "at least", "num_words": 3},
        ["one two three", "don't go", "one-two-three"],
        ["one two", "one — two …"],
    ),
    "punctuation:no_comma": ({}, ["None; here.", "全角，"], ["One, two.", "1,000"]),
    "startend:end_checker": (
        {"end_phrase": "Any more questions? "},
        ["Yes. any more questions?", '"So. Any more questions?"\n'],
        ["Any more questions? No.", "Any more questions"],
    ),
    "startend:quotation": ({}, ['"All of it."', ' "a\nb" '], ['"', 'One "two"', "“All of it.”"]),
}


def test_all_kinds() -> None:
    """There are 25, and a case of each."""
    assert CASES.keys() == RULES.keys()
    assert len(RULES) == 25


@pytest.mark.parametrize("kind", CASES)
def test_each_kind(kind: str) -> None:
    """Answers that follow it, and answers that nearly do."""
    arguments, followed, broken = CASES[kind]
    instruction = Instruction(kind, arguments)
    assert [answer for answer in followed if not instruction.is_followed(answer)] == []
    assert [answer for answer in broken if instruction.is_followed(answer)] == []
    assert not instruction.is_followed(" \n")


@pytest.mark.parametrize("code", SENTENCES)
def test_languages(code: str) -> None:
    """Two sentences are enough, in all languages that are asked for."""
    assert language_of(SENTENCES[code]) == code


@given(
    counts=st.integers(0, 9),
    bound=st.integers(1, 9),
    relation=st.sampled_from(["at least", "less than"]),
)
def test_counts(counts: int, bound: int, relation: str) -> None:
    """What is counted is what is there, by words, sentences, keywords and letters."""
    text = "Zebra aqua. " * counts
    holds = counts >= bound if relation == "at least" else counts < bound
    names = {"relation": relation}
    found = [
        RULES["keywords:frequency"](text, keyword="zebra", frequency=bound, **names),
        RULES["keywords:letter_frequency"](
            text, letter="Q", let_frequency=bound, let_relation=relation
        ),
        RULES["length_constraints:number_sentences"](text, num_sentences=bound, **names),
        RULES["length_constraints:number_words"](text, num_words=2 * bound, **names),
        RULES["change_case:capital_word_frequency"](
            text.upper(), capital_frequency=2 * bound, capital_relation=relation
        ),
    ]
    assert found == [holds] * 5


@given(st.lists(st.sampled_from(["So it is.", "*a*", "- b", "", "\n", "c, d", '"e"']), max_size=8))
def test_loose_is_no_stricter(parts: list[str]) -> None:
    """What is followed strictly is followed loosely, too, and an introduction does not matter."""
    instructions = [Instruction(kind, arguments) for kind, (arguments, _, _) in CASES.items()]
    answer = "\n".join(parts)
    found = compliance(instructions, answer)
    assert all(loose for strict, loose in zip(found.strict, found.loose, strict=True) if strict)
    around = compliance(instructions, f"Of course, here it is:\n{answer.strip()}\nBye, bye!")
    assert all(loose for strict, loose in zip(found.strict, around.loose, strict=True) if strict)


def test_a_verdict() -> None:
    """It is right if all are followed as the answer is; the marks say more."""
    instructions = [Instruction("punctuation:no_comma", {}), Instruction("startend:quotation", {})]
    assert instructions_of(written(instructions)) == instructions
    problem = Problem("1", "?", written(instructions), "instructions")

    def never(_: str, __: str) -> bool:
        raise AssertionError

    found = judge(problem, 'Well, here:\n"So it is."', never)
    assert not found.right
    assert found.marks == {
        "instructions, strict": [False, False],
        "instructions, loose": [True, True],
        "prompts, loose": [True],
    }
    assert judge(problem, '\n\n"So it is."', never).right
    empty = judge(problem, "\n", never)
    assert (empty.given, empty.right, empty.marks["instructions, loose"]) == (
        None,
        False,
        [False] * 2,
    )
