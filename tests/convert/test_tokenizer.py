"""Tokenizers as GGUF wants them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.tokenizer.read import Tokenizer, TokenType, read_tokenizer
from localqwq_convert.tokenizer.split import LLAMA3_PATTERN, QWEN2_PATTERN
from tests.checkpoints import (
    CHAT_TEMPLATE,
    MERGES,
    PLAIN_TOKENS,
    SPECIAL_TOKENS,
    VOCABULARY,
    write_json,
    write_tokenizer,
)
from tests.convert.llama_vocab import llama_vocabulary, write_vocabulary
from tests.convert.vocabularies import DEEPSEEK_QWEN, LLAMA3, cutting_model, write_family

TOKENS = 256 + len(SPECIAL_TOKENS) + len(PLAIN_TOKENS) + len(MERGES)
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}


def read(
    directory: Path,
    config: Mapping[str, Any] | None = None,
    generation_config: Mapping[str, Any] | None = None,
    vocabulary: int = VOCABULARY,
) -> Tokenizer:
    """The tokenizer beside these configurations."""
    return read_tokenizer(directory, config or {}, generation_config or {}, vocabulary)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a tokenizer."""
    write_tokenizer(tmp_path)
    return tmp_path


def edit(path: Path, **changes: Any) -> None:
    """Change top-level keys of a JSON file; ``None`` removes."""
    value = json.loads(path.read_text(encoding="utf-8")) | changes
    write_json(path, {key: item for key, item in value.items() if item is not None})


def content(directory: Path) -> dict[str, Any]:
    """The content of its ``tokenizer.json``."""
    value: dict[str, Any] = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    return value


def test_tokens_types_and_padding(directory: Path) -> None:
    """Every id has its token, its kind, and the rest of the vocabulary is padded."""
    tokenizer = read(directory)
    assert tokenizer.pre == "qwen2"
    assert len(tokenizer.tokens) == len(tokenizer.types) == VOCABULARY
    assert tokenizer.tokens[ord("a")] == "a"
    assert tokenizer.tokens[256:259] == list(SPECIAL_TOKENS)
    assert tokenizer.types[258] is TokenType.CONTROL
    assert tokenizer.types[tokenizer.tokens.index("<think>")] is TokenType.USER_DEFINED
    assert tokenizer.types[tokenizer.tokens.index("hello")] is TokenType.NORMAL
    assert tokenizer.tokens[TOKENS:] == [f"[PAD{index}]" for index in range(TOKENS, VOCABULARY)]
    assert set(tokenizer.types[TOKENS:]) == {TokenType.UNUSED}


def test_tokens_that_look_special_are(directory: Path) -> None:
    """`<|fim_prefix|>` and its kind are control tokens even where they are not marked."""
    names = ("<|file_sep|>", "<｜User｜>", "<pad>", "<other>")
    added = [{"id": TOKENS + i, "content": name, "special": False} for i, name in enumerate(names)]
    document = content(directory)
    edit(directory / "tokenizer.json", added_tokens=document["added_tokens"] + added)
    types = read(directory).types[TOKENS : TOKENS + 4]
    assert types == [TokenType.CONTROL] * 3 + [TokenType.USER_DEFINED]


def test_both_spellings_of_merges(directory: Path) -> None:
    """Strings and pairs are the same merges; a space within a part is kept apart."""
    plain = read(directory).merges
    write_tokenizer(directory, pair_merges=True)
    assert read(directory).merges == plain
    model = content(directory)["model"]
    spaced = {"vocab": model["vocab"] | {"a b": 280, "a bc": 281}, "merges": [["a b", "c"]]}
    edit(directory / "tokenizer.json", model=model | spaced)
    assert read(directory).merges == ["aĠb c"]


def test_added_tokens_of_a_fine_tune(directory: Path) -> None:
    """They may stand in the tokenizer's settings alone, as some tools write them."""
    settings = directory / "tokenizer_config.json"
    edit(settings, added_tokens_decoder={str(TOKENS): {"content": "<|tool|>", "special": True}})
    tokenizer = read(directory)
    assert tokenizer.tokens[TOKENS] == "<|tool|>"
    assert tokenizer.types[TOKENS] is TokenType.CONTROL
    assert tokenizer.tokens[TOKENS + 1] == f"[PAD{TOKENS + 1}]"
    decoders: list[Any] = [[1], {"x": {}}, {"9" * 5000: {}}, {"280": 1}, {"280": {"content": 1}}]
    for damaged in decoders:
        edit(settings, added_tokens_decoder=damaged)
        with pytest.raises(LocalqwqError, match="damaged added_tokens"):
            read(directory)


def test_added_tokens_are_counted(directory: Path) -> None:
    """`tokenizers` counts them on from the vocabulary, whatever ids the file gives them."""
    added = content(directory)["added_tokens"]
    for wrong in ([{"id": TOKENS + 1, "content": "<x>"}], [{"id": 256, "content": "<x>"}]):
        edit(directory / "tokenizer.json", added_tokens=added + wrong)
        with pytest.raises(LocalqwqError, match=f"would give it {TOKENS}: put the added tokens"):
            read(directory)


def test_padding_never_repeats_a_token(directory: Path) -> None:
    """llama.cpp ends the process over a vocabulary which has a spelling twice."""
    text = f"[PAD{TOKENS + 1}]"
    added = [*content(directory)["added_tokens"], {"id": TOKENS, "content": text}]
    edit(directory / "tokenizer.json", added_tokens=added)
    tokenizer = read(directory)
    assert tokenizer.tokens[TOKENS : TOKENS + 2] == [text, f"[{text}]"]
    assert len(set(tokenizer.tokens)) == VOCABULARY


def test_special_ids(directory: Path) -> None:
    """The tokenizer's settings come first, the model's fill the gaps, then the generation's."""
    config = {"bos_token_id": 256, "eos_token_id": 0, "unk_token_id": VOCABULARY}
    tokenizer = read(directory, config)
    assert tokenizer.special == {"eos": 258, "pad": 256, "bos": 256, "eot": 0}
    assert tokenizer.added == {"bos": False, "eos": False}
    edit(directory / "tokenizer_config.json", eos_token=None, pad_token=None)
    generation = {"eos_token_id": [257, 258], "pad_token_id": 5, "bos_token_id": 7}
    assert read(directory, {"bos_token_id": 6}, generation).special == {
        "bos": 6, "eos": 257, "pad": 5,
    }  # fmt: skip


def test_further_ends_of_text(directory: Path) -> None:
    """Those that llama.cpp does not know by their spelling end the text there too."""
    tokenizer = read(directory, {"eos_token_id": [258, 256, 9]}, {"eos_token_id": [258, 10]})
    assert (tokenizer.special["eot"], tokenizer.special["eom"]) == (9, 10)
    with llama_vocabulary(write_vocabulary(directory / "v.gguf", tokenizer)) as vocabulary:
        assert vocabulary.ends() == {9, 10, 256, 258}
    with pytest.raises(LocalqwqError, match="3 ends of text more"):
        read(directory, {"eos_token_id": [9, 10, 11]})


def test_no_end_of_text(directory: Path) -> None:
    """llama.cpp would take token 11 for it."""
    edit(directory / "tokenizer_config.json", eos_token=None)
    with pytest.raises(LocalqwqError, match="No end of text is known"):
        read(directory)


def test_a_template_puts_tokens_around_text(tmp_path: Path) -> None:
    """Llama 3's configuration does not say that it adds a token; its post-processor does."""
    write_family(tmp_path, LLAMA3, cutting_model())
    tokenizer = read(tmp_path, vocabulary=1024)
    assert tokenizer.pre == "llama-bpe"
    assert tokenizer.added == {"bos": True, "eos": False, "sep": False}
    assert tokenizer.tokens[tokenizer.special["bos"]] == "<|begin_of_text|>"
    edit(tmp_path / "tokenizer.json", post_processor=None)
    assert read(tmp_path, vocabulary=1024).added == {"bos": False}  # llama.cpp's own is True
    last = {"SpecialToken": {"id": "<|end_of_text|>"}}
    single = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, last]}
    edit(tmp_path / "tokenizer.json", post_processor=single)
    ended = read(tmp_path, vocabulary=1024)
    assert ended.added == {"eos": True, "bos": False}
    names = {role: ended.tokens[index] for role, index in ended.special.items()}
    assert (names["eos"], names["eot"]) == ("<|end_of_text|>", "<|eot_id|>")


@pytest.mark.parametrize(
    "processor",
    [
        {"type": "RobertaProcessing"},
        {"type": "TemplateProcessing"},
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}}] * 2},
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}}] * 2 + [{}]},
        7,
    ],
    ids=str,
)
def test_other_post_processors_are_refused(directory: Path, processor: Any) -> None:
    """llama.cpp would not do what they do."""
    edit(directory / "tokenizer.json", post_processor=processor)
    with pytest.raises(LocalqwqError, match="post_processor that"):
        read(directory)


def test_an_added_token_must_exist(directory: Path) -> None:
    """What is put in front of a text has to be a token."""
    first = {"SpecialToken": {"id": "<s>"}}
    single = {"type": "TemplateProcessing", "single": [first, {"Sequence": {"id": "A"}}]}
    edit(directory / "tokenizer.json", post_processor=single)
    with pytest.raises(LocalqwqError, match="that its vocabulary lacks: name a bos_token"):
        read(directory, {"bos_token_id": 256})


def test_the_three_places_of_a_chat_template(directory: Path) -> None:
    """The .jinja file, then the settings, then the .json file; one of several by its name."""

    def template() -> str | None:
        return read(directory).chat_template

    settings = directory / "tokenizer_config.json"
    assert template() == CHAT_TEMPLATE
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    edit(settings, chat_template=named)
    assert template() == "d"
    edit(settings, chat_template=None)
    assert template() is None
    write_json(directory / "chat_template.json", {"chat_template": "from json"})
    assert template() == "from json"
    (directory / "chat_template.jinja").write_text("from jinja")
    assert template() == "from jinja"
    edit(settings, chat_template="an older one")
    assert template() == "from jinja"


def test_two_chat_templates_that_differ_are_told(directory: Path) -> None:
    """Newer versions of Transformers write the file and leave what older ones wrote."""
    notes: list[str] = []

    def template() -> str | None:
        return read_tokenizer(directory, {}, {}, VOCABULARY, notes.append).chat_template

    (directory / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    assert template() == CHAT_TEMPLATE
    assert notes == []
    (directory / "chat_template.jinja").write_text("another")
    assert template() == "another"
    [note] = notes
    assert "chat_template.jinja" in note
    assert "tokenizer_config.json" in note


def test_named_chat_templates(directory: Path) -> None:
    """Those beside the default one are kept, under names that can be keys."""
    named = [{"name": "tool-use", "template": "t"}, {"name": "default", "template": "d"}, 7]
    edit(directory / "tokenizer_config.json", chat_template=named)
    tokenizer = read(directory)
    assert (tokenizer.chat_template, tokenizer.named_templates) == ("d", {"tool_use": "t"})
    edit(directory / "tokenizer_config.json", chat_template=None)
    (directory / "chat_template.jinja").write_text("j")
    (directory / "additional_chat_templates").mkdir()
    (directory / "additional_chat_templates" / "rag.jinja").write_text("r")
    tokenizer = read(directory)
    assert (tokenizer.chat_template, tokenizer.named_templates) == ("j", {"rag": "r"})
    (directory / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(LocalqwqError, match=r"Cannot read .*chat_template\.jinja"):
        read(directory)


def split(pattern: str, **changes: Any) -> dict[str, Any]:
    """A ``Split`` as tokenizers have it."""
    step = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return step | changes


def sequence(*steps: Any) -> dict[str, Any]:
    """Several pre-tokenizers."""
    return {"type": "Sequence", "pretokenizers": list(steps)}


@pytest.mark.parametrize(
    "step",
    [
        sequence(split(QWEN2_PATTERN), BYTE_LEVEL),
        sequence(sequence(split(QWEN2_PATTERN)), sequence(BYTE_LEVEL)),
        sequence(split(QWEN2_PATTERN, behavior="Removed", invert=True), BYTE_LEVEL),
        sequence(split(QWEN2_PATTERN.replace(r"\r\n", "\r\n")), BYTE_LEVEL),
    ],
    ids=["plain", "nested", "removed", "unescaped"],
)
def test_spellings_of_a_pre_tokenizer(directory: Path, step: Any) -> None:
    """All of these cut text in the same way."""
    edit(directory / "tokenizer.json", pre_tokenizer=step)
    assert read(directory).pre == "qwen2"


@pytest.mark.parametrize(
    "step",
    [
        None,
        7,
        split(QWEN2_PATTERN),
        BYTE_LEVEL,
        sequence(),
        sequence(split(r"\s+"), BYTE_LEVEL),
        sequence(split(QWEN2_PATTERN)),
        sequence(split(QWEN2_PATTERN), split(r"\s+"), BYTE_LEVEL),
        sequence({"type": "Digits"}, split(QWEN2_PATTERN), BYTE_LEVEL),
        sequence(split(QWEN2_PATTERN, behavior="Removed"), BYTE_LEVEL),
        sequence(split(QWEN2_PATTERN), BYTE_LEVEL | {"add_prefix_space": True}),
        sequence(split(QWEN2_PATTERN), {"type": "ByteLevel", "add_prefix_space": False}),
    ],
    ids=str,
)
def test_an_unknown_pre_tokenizer_is_refused(directory: Path, step: Any) -> None:
    """Text split differently would be tokenized wrongly without a word."""
    document = content(directory)
    write_json(directory / "tokenizer.json", document | {"pre_tokenizer": step})
    with pytest.raises(LocalqwqError, match=r"can be converted are qwen2 .* and llama-bpe"):
        read(directory)


def test_the_two_names_of_one_split(tmp_path: Path) -> None:
    """llama.cpp's converter names it after DeepSeek where a token comes in front of each text."""
    write_family(tmp_path, DEEPSEEK_QWEN, cutting_model())
    assert read(tmp_path, vocabulary=1024).pre == "deepseek-r1-qwen"
    edit(tmp_path / "tokenizer.json", post_processor=None)
    assert read(tmp_path, vocabulary=1024).pre == "deepseek-r1-qwen"  # its settings say so too
    edit(tmp_path / "tokenizer_config.json", add_bos_token=False)
    assert read(tmp_path, vocabulary=1024).pre == "qwen2"


def test_ignoring_merges_belongs_to_the_pre_tokenizer(directory: Path) -> None:
    """llama.cpp switches it by the name alone."""
    model = content(directory)["model"]
    edit(directory / "tokenizer.json", model=model | {"ignore_merges": True})
    with pytest.raises(LocalqwqError, match=r"ignore_merges on, .* off for qwen2"):
        read(directory)
    llama = sequence(split(LLAMA3_PATTERN), BYTE_LEVEL)
    edit(directory / "tokenizer.json", pre_tokenizer=llama)
    assert read(directory).pre == "llama-bpe"
    edit(directory / "tokenizer.json", model=model)
    with pytest.raises(LocalqwqError, match=r"ignore_merges off, .* on for llama-bpe"):
        read(directory)


@pytest.mark.parametrize("normalizer", [{"type": "NFKC"}, {"type": "Lowercase"}, 7], ids=str)
def test_other_normalizers_are_refused(directory: Path, normalizer: Any) -> None:
    """NFC alone is let pass."""
    edit(directory / "tokenizer.json", normalizer={"type": "Sequence", "normalizers": []})
    read(directory)
    edit(directory / "tokenizer.json", normalizer=normalizer)
    with pytest.raises(LocalqwqError, match="rewrites text by a normalizer"):
        read(directory)


def token(text: str, index: int = TOKENS, **flags: Any) -> dict[str, Any]:
    """Changes that add one token to the others."""
    return {"added_tokens": [{"id": index, "content": text, **flags}]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"type": "Unigram"}}, "not a byte-level BPE"),
        ({"model": {"type": "BPE", "dropout": 0.1}}, "not a byte-level BPE"),
        ({"model": {"type": "BPE"}}, "no vocabulary"),
        ({"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}}, "two tokens"),
        ({"model": {"type": "BPE", "vocab": {"a": 9999}, "merges": []}}, "do not match"),
        ({"model": {"type": "BPE", "vocab": {"a": 10**18}, "merges": []}}, "do not match"),
        ({"model": {"type": "BPE", "vocab": {"a": "0"}, "merges": []}}, "do not match"),
        ({"model": {"type": "BPE", "vocab": {"a": True}, "merges": []}}, "do not match"),
        ({"added_tokens": [1]}, "damaged added_tokens"),
        ({"added_tokens": 1}, "damaged added_tokens"),
        (token("x", lstrip=True), "with lstrip, which llama.cpp cannot do"),
        (token("hello"), "would give it 268"),
        (token(""), "an empty token"),
        (token("a\0b"), "text that is not UTF-8"),
        (token("\ud800"), "text that is not UTF-8"),
    ],
    ids=ascii,
)
def test_damaged_tokenizers(directory: Path, changes: dict[str, Any], words: str) -> None:
    """Each kind of damage has its sentence."""
    document = json.dumps(content(directory) | changes)
    (directory / "tokenizer.json").write_text(document, encoding="utf-8")
    with pytest.raises(LocalqwqError, match=words):
        read(directory)


@pytest.mark.parametrize(
    ("merges", "words"),
    [
        (None, "no merges"),
        ([], "no merges"),
        ([1], "damaged merges"),
        (["h e", "he"], "damaged merges"),
        (["h e l"], "damaged merges"),
        ([["h", "e", "l"]], "damaged merges"),
        ([["h", ""]], "damaged merges"),
        (["z z"], "damaged merges"),
        (["h e", ["h", "e"]], "one of them twice"),
    ],
    ids=str,
)
def test_damaged_merges(directory: Path, merges: Any, words: str) -> None:
    """Merges are pairs of tokens that make a token, each once."""
    model = content(directory)["model"]
    edit(directory / "tokenizer.json", model=model | {"merges": merges})
    with pytest.raises(LocalqwqError, match=words):
        read(directory)


def test_a_vocabulary_of_no_known_size(directory: Path) -> None:
    """A number alone does not fill the memory."""
    with pytest.raises(LocalqwqError, match="no tokenizer has more than 1,048,576"):
        read(directory, vocabulary=1 << 24)


def test_a_missing_tokenizer(tmp_path: Path) -> None:
    """The file that is needed is named."""
    with pytest.raises(LocalqwqError, match=r"has no tokenizer\.json"):
        read(tmp_path)
