"""Models in several files: cut as llama.cpp cuts them, and the same model when it loads them."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import llama_cpp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq_convert.header import OutputTensor
from localqwq_convert.pipeline import convert
from localqwq_convert.split import MAX_PARTS, cut
from tests.checkpoints import make_checkpoint

LIMIT = 700_000


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """llama.cpp keeps its log to itself."""
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    yield
    llama_cpp.llama_log_set(llama_cpp.llama_log_callback(), ctypes.c_void_p(0))


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """The same model in one file and in several."""
    directory = tmp_path_factory.mktemp("split")
    checkpoint = make_checkpoint(directory / "m", layers=3)
    whole = convert(checkpoint, directory / "whole", ["Q8_0"])
    parts = convert(checkpoint, directory / "parts", ["Q8_0"], split_max_bytes=LIMIT)
    return whole.outputs[0].path, [part.path for part in parts.outputs[0].parts]


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(0, 2000))
def test_parts_hold_as_much_as_fits(lengths: list[int], limit: int) -> None:
    """In order, nothing lost, none too large, and none that could have taken one tensor more."""
    tensors = [OutputTensor(str(index), (n,), "F32") for index, n in enumerate(lengths)]
    sizes = [tensor.stored_bytes for tensor in tensors]
    if max(sizes, default=0) > limit:
        with pytest.raises(LocalqwqError, match="alone has"):
            cut(tensors, limit)
        return
    parts = cut(tensors, limit)
    assert [tensor for part in parts for tensor in part] == tensors
    totals = [sum(tensor.stored_bytes for tensor in part) for part in parts]
    assert max(totals) <= limit
    for total, following in zip(totals, parts[1:], strict=False):
        assert total + following[0].stored_bytes > limit


def test_there_are_not_too_many_parts() -> None:
    """A pack's manifest has to list them."""
    tensors = [OutputTensor(str(index), (8,), "F32") for index in range(MAX_PARTS + 1)]
    assert len(cut(tensors[1:], 32)) == MAX_PARTS
    with pytest.raises(LocalqwqError, match="allow larger parts"):
        cut(tensors, 32)


def test_together_they_are_the_whole(split: tuple[Path, list[Path]]) -> None:
    """Tensors and metadata are those of the one file; the keys say where each part belongs."""
    whole, parts = split
    expected = read_header(whole)
    assert len(parts) > 2
    tensors: dict[str, tuple[str, tuple[int, ...], bytes]] = {}
    for number, path in enumerate(parts):
        assert path.name == f"m-Q8_0-{number + 1:05}-of-{len(parts):05}.gguf"
        header, data = read_header(path), path.read_bytes()
        place = {
            "split.no": number,
            "split.count": len(parts),
            "split.tensors.count": len(expected.tensors),
        }
        assert header.metadata == {**(expected.metadata if number == 0 else {}), **place}
        for tensor in header.tensors:
            stored = data[tensor.offset : tensor.offset + tensor.bytes]
            tensors[tensor.name] = (tensor.type, tensor.shape, stored)
    data = whole.read_bytes()
    assert list(tensors.items()) == [
        (t.name, (t.type, t.shape, data[t.offset : t.offset + t.bytes])) for t in expected.tensors
    ]


def logits(path: Path) -> NDArray[np.float32]:
    """What the model makes of three tokens."""
    parameters = llama_cpp.llama_model_default_params()
    parameters.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
    assert model is not None
    options = llama_cpp.llama_context_default_params()
    options.n_ctx, options.n_threads, options.n_threads_batch = 64, 1, 1
    context = llama_cpp.llama_init_from_model(model, options)
    assert context is not None
    tokens = (llama_cpp.llama_token * 3)(1, 2, 3)
    assert llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(tokens, 3)) == 0
    size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    values = np.ctypeslib.as_array(llama_cpp.llama_get_logits(context), (size,)).copy()
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return values


def test_llama_cpp_finds_all_parts(split: tuple[Path, list[Path]]) -> None:
    """Named the first one, it computes the same."""
    whole, parts = split
    assert np.array_equal(logits(whole), logits(parts[0]))


def test_a_model_that_fits_is_not_split(tmp_path: Path) -> None:
    """One file has its plain name and no keys of a part."""
    checkpoint = make_checkpoint(tmp_path / "m")
    bound = convert(checkpoint, tmp_path / "a", ["Q8_0"], split_max_bytes=10**9)
    free = convert(checkpoint, tmp_path / "b", ["Q8_0"])
    assert bound.outputs[0].path.name == "m-Q8_0.gguf"
    assert bound.outputs[0].sha256 == free.outputs[0].sha256


def test_parts_too_small_for_a_tensor(tmp_path: Path) -> None:
    """The sentence names it, and nothing is written."""
    checkpoint = make_checkpoint(tmp_path / "m")
    with pytest.raises(LocalqwqError, match=r"the tensor token_embd\.weight alone has"):
        convert(checkpoint, tmp_path / "out", ["F32"], split_max_bytes=100_000)
    assert not (tmp_path / "out").exists()
