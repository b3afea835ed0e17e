"""What JSON schemas' grammars take, and what they cost.

    python -m bench.schema_grammars SUITE VOCABULARY

SUITE is a draft of JSON Schema's own test suite (``tests/draft2020-12``; PyPI's ``jsonschema`` has
it in its source). VOCABULARY is a GGUF file with real tokens, such as
``vendor/llama.cpp/models/ggml-vocab-qwen2.gguf`` in llama-cpp-python's source. Each example of the
suite is written as a model would write it and read token by token. A schema that cannot be held to
in full is to be refused (``strict``).
"""

import argparse
import ctypes
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from types import TracebackType
from typing import Any, Self, cast

import psutil

from bench.recording import Figure, record
from localqwq.engine.grammar_trials import GrammarTrials
from localqwq.engine.guidance import GuidedForm
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.vocabulary import vocabulary
from localqwq.errors import LocalqwqError
from localqwq.reasoning.answer_forms import Form, answer_form
from localqwq.reasoning.lark import SchemaRefused
from localqwq.reasoning.parser import Tags

_LONGEST_PIECE = 512


@dataclass(frozen=True, slots=True)
class Case:
    """One schema of the suite with its examples."""

    schema: Any
    texts: Sequence[Sequence[int]]
    """In tokens."""
    valid: Sequence[bool]


@dataclass(slots=True)
class Score:
    """What was found."""

    schemas: int = 0
    refused: int = 0
    """Schemas of which no grammar was made."""
    right: int = 0
    """Examples."""
    too_wide: int = 0
    """Examples that are taken and are not valid."""
    too_narrow: int = 0
    """Valid examples that are not taken, such as those with their fields in another order."""
    prepare_s: list[float] = field(default_factory=list)
    """A schema that is new: rewritten, tried in its process, and compiled; by the clock."""
    compile_s: list[float] = field(default_factory=list)
    check_s: list[float] = field(default_factory=list)
    """A token that the model has drawn is looked at."""
    mask_s: list[float] = field(default_factory=list)
    """All tokens that may come are found."""
    wide_in: Counter[str] = field(default_factory=Counter)
    """Where it was too wide: keywords."""

    def count(self, case: Case, accepts: Sequence[bool]) -> None:
        """Take in what was said to each of a schema's examples."""
        for accepted, valid in zip(accepts, case.valid, strict=True):
            self.right += accepted is valid
            self.too_wide += accepted and not valid
            self.too_narrow += valid and not accepted
            if accepted and not valid and isinstance(case.schema, dict):
                self.wide_in.update(key for key in case.schema if not key.startswith("$"))


class Vocabulary:
    """What grammars ask of a model, from a file that has nothing but the vocabulary."""

    def __init__(self, path: Path) -> None:
        self._llama = binding()
        parameters = self._llama.llama_model_default_params()
        parameters.vocab_only = True
        self._handle = self._llama.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._handle:
            raise LocalqwqError(f"{path} cannot be loaded.")
        self.vocabulary = self._llama.llama_model_get_vocab(self._handle)
        self.size = int(self._llama.llama_vocab_n_tokens(self.vocabulary))
        self.tags = Tags()
        self.shown: dict[int, bytes] = {}
        self.all_ends = [int(self._llama.llama_vocab_eos(self.vocabulary))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._llama.llama_model_free(self._handle)

    def piece(self, token: int) -> bytes:
        """The bytes of a token."""
        buffer = ctypes.create_string_buffer(_LONGEST_PIECE)
        length = self._llama.llama_token_to_piece(
            self.vocabulary, token, buffer, _LONGEST_PIECE, 0, False
        )
        return buffer.raw[: max(0, length)]

    def tokenize(self, text: str) -> list[int]:
        """The tokens of a text."""
        data = text.encode()
        tokens = (self._llama.llama_token * (len(data) + 8))()
        count = self._llama.llama_tokenize(
            self.vocabulary, data, len(data), tokens, len(tokens), False, False
        )
        return list(tokens[:count])


def cases(suite: Path, vocabulary: Vocabulary) -> Iterator[Case]:
    """The suite's schemas."""
    for path in sorted(suite.glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            texts = [json.dumps(test["data"], ensure_ascii=False) for test in group["tests"]]
            usable = [not any("\ud800" <= one <= "\udfff" for one in text) for text in texts]
            yield Case(
                group["schema"],
                [vocabulary.tokenize(text) for text, ok in zip(texts, usable, strict=True) if ok],
                [test["valid"] for test, ok in zip(group["tests"], usable, strict=True) if ok],
            )


def scored(found: Sequence[Case], model: Model) -> Score:
    """Read all examples of the suite."""
    score = Score()
    with closing(GrammarTrials()) as trials:
        trials.problem("start: /a/")  # its process starts once
        for case in found:
            score.schemas += 1
            schema = {"schema": case.schema, "strict": True}
            began = perf_counter()
            try:
                form = answer_form({"type": "json_schema", "json_schema": schema}, trials.problem)
                compiling = process_time()
                guided = GuidedForm(model, form.text, is_json=form.is_json)
            except (SchemaRefused, LocalqwqError):
                score.refused += 1
                continue
            score.compile_s.append(process_time() - compiling)
            score.prepare_s.append(perf_counter() - began)
            score.count(case, [_takes(guided, text, score) for text in case.texts])
    return score


def _takes(form: GuidedForm, tokens: Sequence[int], score: Score) -> bool:
    matcher = form.begin()
    for token in tokens:
        began = process_time()
        fits = matcher.fits(token) and matcher.prefers(token)
        score.check_s.append(process_time() - began)
        began = process_time()
        matcher.all_that_fit()
        score.mask_s.append(process_time() - began)
        if not fits:
            return False
        matcher.advance(token)
    return matcher.complete


def vocabulary_cost(model: Model) -> tuple[float, int]:
    """Return the processor seconds and the bytes that the first grammar of a model takes."""
    vocabulary(model)  # that is for every kind of grammar
    process = psutil.Process()
    memory, began = process.memory_info().rss, process_time()
    form = Form('start: "a"')
    GuidedForm(model, form.text, is_json=form.is_json)
    return process_time() - began, process.memory_info().rss - memory


def figures(score: Score, cost: tuple[float, int]) -> list[Figure]:
    """Return what was found."""
    seconds, memory = cost
    counts = {
        "schemas that are refused": score.refused,
        "examples taken that are not valid": score.too_wide,
        "valid examples not taken": score.too_narrow,
        "examples right": score.right,
    }
    times = {
        "to prepare a schema that is new, by the clock": score.prepare_s,
        "of that to compile it": score.compile_s,
        "to check a token that was drawn": score.check_s,
        "to find all tokens that may come": score.mask_s,
    }
    return [
        *(Figure(what, str(count)) for what, count in counts.items()),
        *(
            Figure(f"{what}, {which}", _time(of(values)))
            for what, values in times.items()
            for which, of in (("median", median), ("longest", max))
        ),
        Figure("once per model, processor time", f"{seconds:.2f} s"),
        Figure("once per model, memory", f"{memory / 1024**2:.0f} MiB"),
    ]


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.3f} ms"


def main() -> None:
    """Print the scores, and keep them where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.schema_grammars", description="JSON schemas as grammars."
    )
    parser.add_argument("suite", type=Path, metavar="SUITE")
    parser.add_argument("vocabulary", type=Path, metavar="VOCABULARY")
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    with Vocabulary(arguments.vocabulary) as tokens:
        model = cast(Model, tokens)
        found = list(cases(arguments.suite, tokens))
        cost = vocabulary_cost(model)
        score = scored(found, model)
    told = figures(score, cost)
    for one in told:
        print(f"{one.what}: {one.value}")
    if score.wide_in:
        print(f"taken wrongly with {dict(score.wide_in.most_common(8))}")
    if arguments.record:
        record(
            "schema_grammars", "JSON schemas as grammars", told,
            command="python -m bench.schema_grammars SUITE VOCABULARY --record",
            note=f"{len(found)} schemas of JSON Schema's own test suite, draft 2020-12, with "
            f"{sum(len(case.texts) for case in found)} examples, each read token by token with "
            f"{tokens.size:,} tokens of vocabulary; times are of the processor where nothing else "
            "is said. A grammar may take less than its schema admits, but never more: the fields "
            "that are named, in their order, and values of the type that the keywords imply (most "
            "valid examples that are not taken are numbers under a mere format of texts). "
            "localqwq draws a token first and checks "
            "it; all tokens that may come are found where that one does not fit.",
        )  # fmt: skip


if __name__ == "__main__":
    main()
