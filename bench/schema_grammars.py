"""JSON schemas as grammars: localqwq's, beside llguidance.

    python -m bench.schema_grammars SUITE VOCABULARY --witness PYTHON [--record]

SUITE is a draft of JSON Schema's own test suite (``json/tests/draft2020-12`` in the source of the
package jsonschema: ``pip download --no-deps --no-binary jsonschema jsonschema``). VOCABULARY is a
GGUF file with real tokens, such as ``vendor/llama.cpp/models/ggml-vocab-qwen2.gguf`` in
llama-cpp-python's source. PYTHON is an interpreter that has llguidance. Each example of the suite
is written as a model would write it and given to both, token by token. A schema that cannot be held
to in full is to be refused (``strict``).
"""

import argparse
import ctypes
import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import process_time
from types import TracebackType
from typing import Any, Self, cast

import numpy as np

from bench.recording import Figure, record
from localqwq.engine.grammar import Grammar
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.errors import LocalqwqError
from localqwq.reasoning.answer_forms import answer_grammar
from localqwq.reasoning.json_grammar import SchemaRefused
from localqwq.reasoning.parser import Tags

_PEER = "llguidance"
_LONGEST_PIECE = 512
_MASKS = 4
"""Of each schema: they take long."""
_WITNESS = """
import json, sys, time
import llguidance, llguidance.numpy
given = json.loads(sys.stdin.readline())
class Tokens:
    eos_token_id = given["end"]
    bos_token_id = None
    tokens = [bytes.fromhex(piece) for piece in given["pieces"]]
    def __call__(self, text):
        return []
wrapper = llguidance.TokenizerWrapper(Tokens())
tokenizer = llguidance.LLTokenizer(wrapper, n_vocab=len(Tokens.tokens))
mask = llguidance.numpy.allocate_token_bitmask(1, tokenizer.vocab_size)
for line in sys.stdin:
    asked = json.loads(line)
    began = time.process_time()
    try:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(asked["schema"]))
        first = llguidance.LLMatcher(tokenizer, grammar)
        error = first.get_error()
    except Exception as problem:
        error = str(problem)
    told = {"compile_s": time.process_time() - began, "error": error, "accepts": [], "token_s": []}
    for tokens in [] if error else asked["texts"]:
        matcher = first.deep_copy()
        fits = True
        for token in tokens:
            began = time.process_time()
            llguidance.numpy.fill_next_token_bitmask(matcher, mask, 0)
            told["token_s"].append(time.process_time() - began)
            fits = matcher.try_consume_tokens([token]) == 1
            if not fits:
                break
        told["accepts"].append(fits and matcher.is_accepting())
    print(json.dumps(told), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One schema of the suite with its examples."""

    schema: Any
    texts: Sequence[Sequence[int]]
    """In tokens."""
    valid: Sequence[bool]


@dataclass(slots=True)
class Score:
    """How one way has done."""

    schemas: int = 0
    refused: int = 0
    """Schemas of which no grammar was made."""
    right: int = 0
    """Examples."""
    too_wide: int = 0
    """Examples that are taken and are not valid."""
    too_narrow: int = 0
    """Valid examples that are not taken, such as those with their fields in another order."""
    compile_s: list[float] = field(default_factory=list)
    check_s: list[float] = field(default_factory=list)
    """A token that the model has drawn is looked at; llguidance has nothing like it."""
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


def ours(found: Sequence[Case], vocabulary: Vocabulary) -> Score:
    """What localqwq's grammars say."""
    score, model = Score(), cast(Model, vocabulary)
    Grammar(model, 'root ::= "a"').close()  # the vocabulary is looked at once
    for case in found:
        score.schemas += 1
        began = process_time()
        try:
            schema = {"schema": case.schema, "strict": True}
            form = answer_grammar({"type": "json_schema", "json_schema": schema})
            Grammar(model, form).close()
        except (SchemaRefused, LocalqwqError):
            score.refused += 1
            continue
        finally:
            score.compile_s.append(process_time() - began)
        score.count(case, [_takes(model, form, text, score) for text in case.texts])
        score.mask_s += _masks(vocabulary, form, case.texts[0])
    return score


def _takes(model: Model, form: str, tokens: Sequence[int], score: Score) -> bool:
    with closing(Grammar(model, form)) as grammar:
        for token in tokens:
            began = process_time()
            fits = grammar.allows(token)
            score.check_s.append(process_time() - began)
            if not fits:
                return False
            grammar.accept(token)
        return grammar.complete


def _masks(vocabulary: Vocabulary, form: str, tokens: Sequence[int]) -> list[float]:
    """Seconds in which llama.cpp finds all tokens that may come, at the first places of a text."""
    llama = binding()
    handle = llama.llama_sampler_init_grammar(vocabulary.vocabulary, form.encode(), b"root")
    candidates = np.zeros(vocabulary.size, [("id", "i4"), ("logit", "f4"), ("p", "f4")])
    kind, times = ctypes.POINTER(llama.llama_token_data), []
    for token in tokens[:_MASKS]:
        candidates["id"], candidates["logit"] = np.arange(vocabulary.size), 0
        array = llama.llama_token_data_array(
            data=candidates.ctypes.data_as(kind), size=len(candidates), selected=-1, sorted=False
        )
        began = process_time()
        llama.llama_sampler_apply(handle, ctypes.byref(array))
        times.append(process_time() - began)
        if not np.isfinite(candidates["logit"][token]):
            break
        llama.llama_sampler_accept(handle, token)
    llama.llama_sampler_free(handle)
    return times


def theirs(found: Sequence[Case], vocabulary: Vocabulary, python: str) -> Score:
    """What llguidance says, in an interpreter that has it."""
    pieces = [vocabulary.piece(token).hex() for token in range(vocabulary.size)]
    lines = [json.dumps({"pieces": pieces, "end": vocabulary.all_ends[0]})]
    lines += [json.dumps({"schema": case.schema, "texts": list(case.texts)}) for case in found]
    said = subprocess.run(
        [python, "-c", _WITNESS], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    score = Score()
    for case, line in zip(found, said.stdout.splitlines(), strict=True):
        told = json.loads(line)
        score.schemas += 1
        score.compile_s.append(told["compile_s"])
        if told["error"]:
            score.refused += 1
            continue
        score.mask_s += told["token_s"]
        score.count(case, told["accepts"])
    return score


def figures(own: Score, other: Score) -> list[Figure]:
    """Return both scores side by side."""
    counts = {
        "schemas that are refused": (own.refused, other.refused),
        "examples taken that are not valid": (own.too_wide, other.too_wide),
        "valid examples not taken": (own.too_narrow, other.too_narrow),
        "examples right": (own.right, other.right),
    }
    times = {
        "to make a grammar, median": (median(own.compile_s), median(other.compile_s)),
        "to make a grammar, longest": (max(own.compile_s), max(other.compile_s)),
        "to find all tokens that may come, median": (median(own.mask_s), median(other.mask_s)),
        "to find all tokens that may come, longest": (max(own.mask_s), max(other.mask_s)),
    }
    checks = Figure("to check a token that was drawn, median", _time(median(own.check_s)))
    return [
        *(Figure(what, str(one), _PEER, str(peer)) for what, (one, peer) in counts.items()),
        *(
            Figure(what, _time(one), _PEER, _time(peer), one / peer)
            for what, (one, peer) in times.items()
        ),
        checks,
    ]


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.3f} ms"


def main() -> None:
    """Print the scores, and keep them where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.schema_grammars", description="JSON schemas as grammars, both ways."
    )
    parser.add_argument("suite", type=Path, metavar="SUITE")
    parser.add_argument("vocabulary", type=Path, metavar="VOCABULARY")
    parser.add_argument("--witness", required=True, metavar="PYTHON")
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    with Vocabulary(arguments.vocabulary) as vocabulary:
        found = list(cases(arguments.suite, vocabulary))
        own = ours(found, vocabulary)
        told = figures(own, theirs(found, vocabulary, arguments.witness))
    for one in told:
        print(f"{one.what}: {one.value}" + (f" ({one.peer}: {one.peer_value})" if one.peer else ""))
    if own.wide_in:
        print(f"taken wrongly with {dict(own.wide_in.most_common(8))}")
    if arguments.record:
        record(
            "schema_grammars", "JSON schemas as grammars", told,
            command="python -m bench.schema_grammars SUITE VOCABULARY --witness PYTHON --record",
            note=f"{len(found)} schemas of JSON Schema's own test suite, draft 2020-12, with "
            f"{sum(len(case.texts) for case in found)} examples, each read token by token with "
            f"{vocabulary.size:,} tokens of vocabulary; times are of the processor. A grammar may "
            "take less than its schema admits (a type that is only implied, fields in the schema's "
            "order), but never more. localqwq draws a token first and checks it; all tokens that "
            "may come are found only where several draws in a row did not fit.",
        )  # fmt: skip


if __name__ == "__main__":
    main()
