"""Embeddings are those that llama.cpp makes of one text alone, however they are batched."""

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from localqwq.engine.embedder import Embedder, Embedding, Stopped, groups
from localqwq.engine.engine import Engine
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.request import RequestRefused
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from tests.embedding_models import make_embedding_model

KINDS = [
    ("qwen3", "last", True),
    ("qwen2", "last", False),
    ("qwen2", "mean", True),
    ("llama", "cls", True),
]
TEXTS: Sequence[str | list[int]] = [
    "hello world", "hello", "a " * 100, [1, 2, 3], [7], *("a bc " * n for n in range(1, 12)),
]  # fmt: skip
CONTEXT = 512


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: "-".join(map(str, kind)))
def embedder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Embedder]:
    """An embedder of each kind."""
    architecture, pooling, causal = request.param
    path = make_embedding_model(
        tmp_path_factory.mktemp("embedder"),
        architecture=architecture,
        pooling=pooling,
        causal=causal,
    )
    made = Embedder.load(path, LoadOptions(context=CONTEXT, parallel=4, threads=1))
    yield made
    made.close()


def vector(of: Embedding) -> NDArray[np.float32]:
    """The numbers."""
    return np.frombuffer(of.vector, "<f4")


def alone(path: Path, tokens: Sequence[int]) -> NDArray[np.float64]:
    """What llama.cpp itself makes of these tokens, of length 1."""
    model = llama_cpp.llama_model_load_from_file(
        str(path).encode(), llama_cpp.llama_model_default_params()
    )
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = CONTEXT
    params.n_threads = params.n_threads_batch = 1
    params.embeddings = True
    context = llama_cpp.llama_init_from_model(model, params)
    batch: Any = llama_cpp.llama_batch_init(CONTEXT, 0, 1)
    batch.n_tokens = len(tokens)
    for at, token in enumerate(tokens):
        batch.token[at], batch.pos[at], batch.logits[at] = token, at, 1
        batch.n_seq_id[at], batch.seq_id[at][0] = 1, 0
    assert llama_cpp.llama_decode(context, batch) == 0
    length = llama_cpp.llama_model_n_embd_out(model)
    values: Any = llama_cpp.llama_get_embeddings_seq(context, 0)
    found = np.array(values[:length])
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return np.asarray(found / np.linalg.norm(found))


def test_each_text_is_embedded_as_if_it_were_alone(embedder: Embedder) -> None:
    """In every way of pooling; long ones in pieces, and short ones together."""
    found = embedder.embed(TEXTS, threading.Event())
    for text, one in zip(TEXTS, found, strict=True):
        tokens = text
        if isinstance(text, str):
            tokens = embedder.tokenize(text, begin=True, special=True)
            assert tokens[-1] == 258, "the end of a text is told to the model"
        assert one.tokens == len(tokens)
        expected = alone(embedder.facts.path, [*map(int, tokens)])
        assert float(vector(one) @ expected) > 0.99999
    others = vector(found[0]) @ vector(found[2])
    assert others < 0.999, "different texts are told apart"


def test_texts_that_cannot_be_embedded(embedder: Embedder) -> None:
    """One sentence each; too long ones may be cut, but for their end."""
    long = "a " * 2 * CONTEXT
    for text, sentence in (
        (long, f"has 2,049 tokens, and .* takes at most {embedder.longest}"),
        ([], "is empty"),
        ([1, 288], "The token 288 does not exist"),
    ):
        with pytest.raises(RequestRefused, match=sentence):
            embedder.embed([text], threading.Event())
    (cut,) = embedder.embed([long], threading.Event(), truncate=True)
    tokens = embedder.tokenize(long, begin=True, special=True)
    (same,) = embedder.embed([[*tokens[: embedder.longest - 1], 258]], threading.Event())
    assert cut.tokens == embedder.longest
    assert float(vector(cut) @ vector(same)) > 0.99999


def test_a_stop(embedder: Embedder) -> None:
    """Ends the work before its next batch; the next texts are not harmed."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        embedder.embed(["hello"], stop)
    assert embedder.embed(["hello"], threading.Event())[0].tokens == 2


def test_other_models(demo_gguf: Path, tmp_path: Path) -> None:
    """A model that answers embeds nothing, one that embeds answers nothing, and one that ranks is
    neither.
    """
    options = LoadOptions(context=256, threads=1)
    with pytest.raises(LocalqwqError, match="makes no embeddings"):
        Embedder.load(demo_gguf, options)
    with pytest.raises(LocalqwqError, match="makes embeddings, no answers"):
        Engine.load(make_embedding_model(tmp_path / "embedding"), options)
    with pytest.raises(LocalqwqError, match="ranks texts"):
        read_facts(make_embedding_model(tmp_path / "ranking", pooling="rank"))


@given(st.lists(st.integers(1, 30)), st.integers(1, 40), st.integers(1, 5))
def test_groups(lengths: list[int], most_tokens: int, most_texts: int) -> None:
    """All texts in their order, and no group too large, unless one text alone is."""
    found = [*groups(lengths, most_tokens, most_texts)]
    assert [index for group in found for index in group] == [*range(len(lengths))]
    for group in found:
        assert 1 <= len(group) <= most_texts
        assert len(group) == 1 or sum(lengths[index] for index in group) <= most_tokens
    for group, after in pairwise(found):
        more = [lengths[index] for index in (*group, after[0])]
        assert len(more) > most_texts or sum(more) > most_tokens, "none is smaller than it could be"
