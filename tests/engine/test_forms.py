"""Grammars of requests are compiled once, and anew when they are spent."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from localqwq.engine.form_compiler import FormCompiler
from localqwq.engine.llama.model import Model
from localqwq.engine.request import GenerationRequest, RequestRefused

CHOICE = GenerationRequest(response_format={"type": "choice", "choices": ["yes", "no"]})


@pytest.fixture(scope="module")
def model(demo_gguf: Path) -> Iterator[Model]:
    """The demo model."""
    model = Model(demo_gguf, gpu_layers=0)
    yield model
    model.close()


def test_a_grammar_is_kept(model: Model) -> None:
    """For some hundred texts, since llguidance adds to it with each."""
    with closing(FormCompiler(model)) as compiler:
        first = compiler.forms(CHOICE, "tagged").answer
        assert first is not None
        assert compiler.forms(CHOICE, "tagged").answer == first
        for _ in range(500):
            first()
        again = compiler.forms(CHOICE, "tagged").answer
        assert again not in (None, first)
        assert compiler.forms(CHOICE, "tagged").answer == again


def test_texts_do_not_share_their_place(model: Model) -> None:
    """Two answers of one form, one behind the other."""
    with closing(FormCompiler(model)) as compiler:
        begin = compiler.forms(CHOICE, "tagged").answer
        assert begin is not None
        one, other = begin(), begin()
        for token in model.tokenize("yes", begin=False):
            one.accept(token)
        assert one.complete
        assert not other.complete
        for token in model.tokenize("no", begin=False):
            other.accept(token)
        assert other.complete


def test_broken_grammars_name_their_field(model: Model) -> None:
    """Those of llama.cpp's notation, too."""
    form = {"type": "grammar", "grammar": "root ::= x"}
    with closing(FormCompiler(model)) as compiler, pytest.raises(RequestRefused) as caught:
        compiler.forms(GenerationRequest(response_format=form), "tagged")
    assert caught.value.param == "response_format"
