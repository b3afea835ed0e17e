"""Counting words and sentences as IFEval's authors do, without the data of their library."""

import re

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w(?:[\w.&/-]*\w)?")
_END = re.compile(r"(?P<word>\S*?)(?P<mark>[.?!。！？।]+)[\"'”’)\]}*_]*(?:\s+(?P<next>\S)|\s*\Z)")
_OPENING = "\"'“‘([{*_"
_WITHIN = re.compile(
    r"adm|al|apr|aug|ave|bros|ca|capt|cf|col|dec|dept|dr|e\.g|feb|fig|ft|gen|gov|i\.e|jan|lt|maj|"
    r"messrs|mrs?|ms|mt|nov|oct|prof|rep|rev|sen|sept?|sgt|st|u\.[kns]|vol|vs|viz"
)
"""What a full stop follows within a sentence."""
_SHORT = re.compile(r"[ap]\.m|corp?|etc|inc|jr|ltd|sr")
"""What it follows within a sentence, unless a capital letter comes next."""
_INITIAL = re.compile(r"[^\W\d_]")


def words(text: str) -> int:
    """Return the number of words: runs of letters, digits and underscores."""
    return len(_WORD.findall(text))


def capital_words(text: str) -> int:
    """Return the number of words whose letters are all capitals; ``I`` in ``I'm`` is one."""
    return sum(word.isupper() for word in _TOKEN.findall(text))


def sentences(text: str) -> int:
    """Return the number of sentences.

    One ends with ``.``, ``?`` or ``!`` (or those of Chinese or Hindi) before a space, but not after
    an abbreviation, an initial or dots that go on in lower case. What follows the last one is a
    sentence, too; a new line alone ends none.
    """
    text = text.strip()
    count, behind = 0, 0
    for end in _END.finditer(text):
        if end["next"] is None or _is_end(end["word"], end["mark"], end["next"]):
            count += 1
            behind = end.end("mark")
    return count + bool(text[behind:].strip(f".?!{_OPENING}”’)]}} \n"))


def _is_end(word: str, mark: str, following: str) -> bool:
    word = word.lstrip(_OPENING).lower()
    if mark != ".":
        return not (set(mark) == {"."} and following.islower())
    if _SHORT.fullmatch(word):
        return following.isupper()
    return not _WITHIN.fullmatch(word) and (word == "i" or not _INITIAL.fullmatch(word))
