"""llama.cpp with a converted vocabulary tokenizes as Hugging Face's ``tokenizers`` do."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from localqwq_convert.tokenizer.read import read_tokenizer
from tests.convert.llama_vocab import LlamaVocabulary, llama_vocabulary, write_vocabulary
from tests.convert.vocabularies import (
    FAMILIES,
    LLAMA3,
    QWEN,
    Family,
    cutting_model,
    qwen_model,
    trained_model,
    write_family,
)

NEWER = (
    (0x1C89, 0x1C8A), (0xA7CB, 0xA7CD), (0xA7DA, 0xA7DC), (0x105C0, 0x105FF), (0x10D40, 0x10D8F),
    (0x10EC0, 0x10EFF), (0x11380, 0x113FF), (0x116D0, 0x116FF), (0x11BC0, 0x11BFF),
    (0x13460, 0x143FF), (0x16100, 0x1613F), (0x16D40, 0x16D7F), (0x18CFF, 0x18CFF),
    (0x1CC00, 0x1CEBF), (0x1E5D0, 0x1E5FF),
)  # fmt: skip
"""Where Unicode 16 has letters and digits that llama.cpp's table does not know as such yet."""

LONG_S = re.compile("'\u017f")
"""To ``tokenizers`` an ſ after an apostrophe is an s in another case; to llama.cpp it is not."""

UNMARKED = re.compile(r"<\|(fim|repo|file|EOT)|<｜(User|Assistant)")
"""Tokens that are not marked as special, which llama.cpp takes for it by their spelling."""

NFC = normalizers.NFC()

SNIPPETS = (
    "hello", " world", "Straße", "naïve", "don't", "I'LL", "'Re", "we'vE", "'D", "'", "''", "'s'",
    "1", "12", "123", "1234", "3.14159", "٣٤", "½", "Ⅻ", "²",
    " ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", " \n", "\n ", "\u00a0", "\u3000", "\u2028",
    "\u0085", "\x0b", "\x00", "\ufeff", "\u200d", "\u0301",
    "😀", "👩‍💻", "🇩🇪", "❤️", "👍🏽", "我想在", "苹果", "こんにちは", "안녕", "مرحبا", "नमस्ते", "ក",
    "def f(x):\n    return x**2\n", "if (a != b) { c += 1; }\r\n", "http://a.b/c?d=e&f",
    "\\boxed{4}", "<|im_", "start|>", "<think", ">", "<｜", "｜>", "...", "!?", "€", "$5", "_x_",
    "#include <a.h>\n",
)  # fmt: skip
CHARACTERS = st.characters(exclude_categories=["Cs"]).filter(
    lambda letter: not any(first <= ord(letter) <= last for first, last in NEWER)
)


def texts(family: Family) -> st.SearchStrategy[str]:
    """Texts of every kind, with and without this family's tokens."""
    piece = st.one_of(
        st.sampled_from(SNIPPETS),
        st.sampled_from(family.special + family.plain),
        CHARACTERS,
        st.text(CHARACTERS, max_size=8),
        st.text("0123456789", min_size=1, max_size=9),
        st.text(" \t\r\n", min_size=1, max_size=9),
    )
    joined = st.lists(piece, max_size=16).map("".join).filter(lambda text: not LONG_S.search(text))
    if family.normalizer is None:
        return joined
    # llama.cpp takes text as it is, so both get it in the form which the tokenizer would make.
    return joined.map(NFC.normalize_str)


@dataclass(frozen=True)
class Pair:
    """One vocabulary, read by both."""

    theirs: tokenizers.Tokenizer
    converted: LlamaVocabulary

    def agree(self, text: str) -> None:
        """Check all ways to tokenize a text."""
        self.theirs.encode_special_tokens = False
        expected = self.theirs.encode(text, add_special_tokens=False).ids
        assert self.converted.tokenize(text) == expected
        around = self.theirs.encode(text, add_special_tokens=True).ids
        assert self.converted.tokenize(text, around=True) == around
        if UNMARKED.search(text):
            return
        self.theirs.encode_special_tokens = True
        plain = self.theirs.encode(text, add_special_tokens=False).ids
        assert self.converted.tokenize(text, special=False) == plain


MODELS: Mapping[str, tuple[Family, Callable[[], dict[str, Any]]]] = {
    "real qwen2.5": (QWEN, qwen_model),
    **{name: (family, partial(trained_model, family)) for name, family in FAMILIES.items()},
    "cuts": (LLAMA3, cutting_model),
}
"""Qwen2.5's own vocabulary, a trained one of each family, and one that shows every cut."""


@pytest.fixture(scope="module", params=MODELS)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Family, Pair]]:
    """A converted vocabulary with its family."""
    family, model = MODELS[request.param]
    directory = write_family(tmp_path_factory.mktemp("tokenizer"), family, model())
    tokenizer = read_tokenizer(directory, {}, {}, 152_064)
    assert tokenizer.pre == family.pre
    with llama_vocabulary(write_vocabulary(directory / "vocabulary.gguf", tokenizer)) as converted:
        theirs = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
        yield family, Pair(theirs, converted)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_text_gets_the_same_tokens(case: tuple[Family, Pair], data: st.DataObject) -> None:
    """Of every plane, with special tokens as tokens and as text, alone and with what is added."""
    family, pair = case
    pair.agree(data.draw(texts(family)))


def test_each_snippet_gets_the_same_tokens(case: tuple[Family, Pair]) -> None:
    """Alone, twice, within a word, at the end of a line, behind a token."""
    family, pair = case
    for snippet in (*SNIPPETS, *family.special, *family.plain):
        for text in (snippet * 2, f"a{snippet}b", f"x {snippet} \n", f"{family.eos}{snippet}"):
            pair.agree(text if family.normalizer is None else NFC.normalize_str(text))


@pytest.mark.parametrize("case", ["cuts"], indirect=True)
def test_every_character_gets_the_same_tokens(case: tuple[Family, Pair]) -> None:
    """Each of the first two planes; of Han, Hangul and private use, which are alike, a part."""
    _, pair = case
    alike = ((0x3400, 0xA000), (0xAC00, 0xD7A4), (0xE000, 0xF900), (0x17000, 0x18D00))
    codes = [
        code
        for code in range(0x80, 0x20000)
        if not 0xD800 <= code < 0xE000
        and (code % 16 == 0 or not any(first < code < end - 1 for first, end in alike))
        and not any(first <= code <= last for first, last in NEWER)
    ]
    for start in range(0, len(codes), 1024):
        text = "".join(surrounded(code) for code in codes[start : start + 1024])
        assert not differ(pair, text)


def surrounded(code: int) -> str:
    """A character in a text that cuts it off differently as a letter, digit, space or mark."""
    letter = chr(code)
    return f"a{letter}1{letter} !{letter}\n"


def differ(pair: Pair, text: str, *, special: bool = True) -> bool:
    """Whether the two tokenize a text differently."""
    pair.theirs.encode_special_tokens = not special
    expected = pair.theirs.encode(text, add_special_tokens=False).ids
    return pair.converted.tokenize(text, special=special) != expected


@pytest.mark.parametrize("case", ["cuts"], indirect=True)
def test_letters_and_digits_of_unicode_16_are_cut_differently(case: tuple[Family, Pair]) -> None:
    """llama.cpp's table is older; the other tests leave these blocks out."""
    _, pair = case
    for first, last in NEWER:
        assert any(differ(pair, surrounded(code)) for code in range(first, last + 1))


@pytest.mark.parametrize("case", ["cuts"], indirect=True)
def test_a_long_s_is_no_s_after_an_apostrophe(case: tuple[Family, Pair]) -> None:
    """As above: llama.cpp lowers letters one by one, and `tokenizers` folds their case."""
    assert differ(case[1], "'\u017fa")


@pytest.mark.parametrize("case", ["real qwen2.5"], indirect=True)
def test_where_they_are_known_to_differ(case: tuple[Family, Pair]) -> None:
    """llama.cpp's doing, which no vocabulary can mend; the other tests leave these out too."""
    _, pair = case
    assert differ(pair, "e\u0301")  # not in the normal form NFC
    assert pair.converted.tokenize(NFC.normalize_str("e\u0301")) == [963]
    assert differ(pair, "a</s>b")  # an end of text of other models, which it takes for one here
    assert not differ(pair, "a</s>b", special=False)
    assert differ(pair, "<|fim_prefix|>", special=False)  # looks special, but is not marked so
