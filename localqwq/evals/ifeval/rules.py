"""The 25 kinds of instructions, each a function of an answer and its arguments.

What counts is what IFEval's authors count (J. Zhou et al., "Instruction-Following Evaluation for
Large Language Models", 2023), peculiarities included, so that figures can be put beside theirs. The
arguments have the names of their data.
"""

import json
import re
from collections.abc import Callable, Sequence

from localqwq.evals.ifeval import counting
from localqwq.evals.ifeval.language import language_of

_YES_OR_NO = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_PLACEHOLDER = re.compile(r"\[[^\n]*?\]")
_HIGHLIGHT = re.compile(r"\*(?P<inside>[^\n*]*)\*")
_BOLD = re.compile(r"\*\*(?P<inside>[^\n*]*)\*\*")
_TITLE = re.compile(r"<<(?P<inside>[^\n]+)>>")
_THREE_STARS = re.compile(r"\s?\*{3}\s?")
_POSTSCRIPTS = {"P.S.": r"p\.\s?s\.", "P.P.S": r"p\.\s?p\.\s?s"}
_FENCE = re.compile(r"```(?:json|JSON|Json)?")


def _holds(count: int, relation: str, bound: int) -> bool:
    """Return whether a count is as it was asked for: ``less than`` or ``at least`` the bound."""
    return count < bound if relation == "less than" else count >= bound


def keywords_exist(answer: str, keywords: Sequence[str]) -> bool:
    """All keywords occur, within other words, too."""
    text = answer.lower()
    return all(keyword.lower() in text for keyword in keywords)


def keyword_frequency(answer: str, keyword: str, relation: str, frequency: int) -> bool:
    """A keyword occurs so often, within other words, too."""
    return _holds(answer.lower().count(keyword.lower()), relation, frequency)


def forbidden_words(answer: str, forbidden_words: Sequence[str]) -> bool:
    """None of the words occurs as a word of its own."""
    words = "|".join(map(re.escape, forbidden_words))
    return re.search(rf"\b(?:{words})\b", answer, re.IGNORECASE) is None


def letter_frequency(answer: str, letter: str, let_relation: str, let_frequency: int) -> bool:
    """A letter or sign occurs so often, capital or not."""
    return _holds(answer.lower().count(letter.lower()), let_relation, let_frequency)


def response_language(answer: str, language: str) -> bool:
    """The answer is in a language; one without letters is in any."""
    return language_of(answer) in (None, language)


def number_of_sentences(answer: str, relation: str, num_sentences: int) -> bool:
    """It has so many sentences."""
    return _holds(counting.sentences(answer), relation, num_sentences)


def number_of_words(answer: str, relation: str, num_words: int) -> bool:
    """It has so many words."""
    return _holds(counting.words(answer), relation, num_words)


def number_of_paragraphs(answer: str, num_paragraphs: int) -> bool:
    """``***`` stands between so many paragraphs, none of which is empty."""
    parts = [part.strip() for part in _THREE_STARS.split(answer)]
    return all(parts[1:-1]) and sum(map(bool, parts)) == num_paragraphs


def first_word_of_paragraph(
    answer: str, num_paragraphs: int, nth_paragraph: int, first_word: str
) -> bool:
    """Blank lines make so many paragraphs, and one of them begins with a word."""
    parts = [part.strip() for part in answer.split("\n\n")]
    count = sum(map(bool, parts))
    if count != num_paragraphs or nth_paragraph > count or not parts[nth_paragraph - 1]:
        return False
    word = parts[nth_paragraph - 1].split()[0].lstrip("'").lstrip('"').lower()
    return re.split(r"[.,?!'\"]", word, maxsplit=1)[0] == first_word.lower()


def placeholders(answer: str, num_placeholders: int) -> bool:
    """At least so many places are left open, such as ``[address]``."""
    return len(_PLACEHOLDER.findall(answer)) >= num_placeholders


def postscript(answer: str, postscript_marker: str) -> bool:
    """A postscript begins somewhere, spaces after its stops or not."""
    pattern = _POSTSCRIPTS.get(postscript_marker, re.escape(postscript_marker.lower()))
    return re.search(pattern, answer.lower()) is not None


def bullets(answer: str, num_bullets: int) -> bool:
    """Exactly so many lines begin with ``-`` or one ``*``."""
    lines = [line.lstrip() for line in answer.split("\n")]
    starred = (line.startswith("*") and line[1:2] not in ("", "*") for line in lines)
    return sum(starred) + sum(line.startswith("-") for line in lines) == num_bullets


def yes_or_no(answer: str) -> bool:
    """One of the three sentences that are allowed occurs."""
    return any(sentence in answer for sentence in _YES_OR_NO)


def highlights(answer: str, num_highlights: int) -> bool:
    """At least so many parts stand between stars, one or two."""
    found = [*_HIGHLIGHT.finditer(answer), *_BOLD.finditer(answer)]
    return sum(bool(part["inside"].strip()) for part in found) >= num_highlights


def sections(answer: str, section_spliter: str, num_sections: int) -> bool:
    """At least so many sections begin with a word and a number."""
    return len(re.findall(rf"{re.escape(section_spliter)}\s?\d+", answer)) >= num_sections


def json_document(answer: str) -> bool:
    """It is JSON, in a fenced block of Markdown or not."""
    text = answer.strip()
    if (fence := _FENCE.match(text)) is not None:
        text = text[fence.end() :]
    try:
        json.loads(text.removesuffix("```"))
    except ValueError:
        return False
    return True


def title(answer: str) -> bool:
    """A title stands in double angle brackets."""
    return any(found["inside"].strip("<>").strip() for found in _TITLE.finditer(answer))


def two_responses(answer: str) -> bool:
    """Six stars stand between two answers that differ."""
    parts = [part.strip() for part in answer.split("******")]
    given = [part for part in parts if part]
    return all(parts[1:-1]) and len(given) == 2 and given[0] != given[1]


def repeated_prompt(answer: str, prompt_to_repeat: str) -> bool:
    """It begins with the request, word for word."""
    return answer.strip().lower().startswith(prompt_to_repeat.strip().lower())


def end_phrase(answer: str, end_phrase: str) -> bool:
    """It ends with a phrase, behind which a quotation mark may stand."""
    return answer.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def quotation(answer: str) -> bool:
    """Double quotation marks stand around it."""
    text = answer.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def english_capitals(answer: str) -> bool:
    """It is English in capital letters."""
    return answer.isupper() and language_of(answer) == "en"


def english_lowercase(answer: str) -> bool:
    """It is English without capital letters."""
    return answer.islower() and language_of(answer) == "en"


def capital_words(answer: str, capital_relation: str, capital_frequency: int) -> bool:
    """So many words are all in capital letters."""
    return _holds(counting.capital_words(answer), capital_relation, capital_frequency)


def no_comma(answer: str) -> bool:
    """It has no comma."""
    return "," not in answer


RULES: dict[str, Callable[..., bool]] = {
    "change_case:capital_word_frequency": capital_words,
    "change_case:english_capital": english_capitals,
    "change_case:english_lowercase": english_lowercase,
    "combination:repeat_prompt": repeated_prompt,
    "combination:two_responses": two_responses,
    "detectable_content:number_placeholders": placeholders,
    "detectable_content:postscript": postscript,
    "detectable_format:constrained_response": yes_or_no,
    "detectable_format:json_format": json_document,
    "detectable_format:multiple_sections": sections,
    "detectable_format:number_bullet_lists": bullets,
    "detectable_format:number_highlighted_sections": highlights,
    "detectable_format:title": title,
    "keywords:existence": keywords_exist,
    "keywords:forbidden_words": forbidden_words,
    "keywords:frequency": keyword_frequency,
    "keywords:letter_frequency": letter_frequency,
    "language:response_language": response_language,
    "length_constraints:nth_paragraph_first_word": first_word_of_paragraph,
    "length_constraints:number_paragraphs": number_of_paragraphs,
    "length_constraints:number_sentences": number_of_sentences,
    "length_constraints:number_words": number_of_words,
    "punctuation:no_comma": no_comma,
    "startend:end_checker": end_phrase,
    "startend:quotation": quotation,
}
"""By the names of the authors' data."""
