"""llama.cpp's tokenizer, over the vocabulary of a converted file."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import llama_cpp
from gguf.constants import GGUFValueType

from localqwq_convert.header import Entry, encode_entries, encode_header
from localqwq_convert.metadata import tokenizer_metadata
from localqwq_convert.tokenizer.read import Tokenizer


class LlamaVocabulary:
    """The vocabulary of a loaded model."""

    def __init__(self, model: llama_cpp.llama_model_p) -> None:
        vocabulary = llama_cpp.llama_model_get_vocab(model)
        assert vocabulary is not None
        self._vocabulary = vocabulary

    def __len__(self) -> int:
        return int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))

    def tokenize(self, text: str, *, special: bool = True, around: bool = False) -> list[int]:
        """Ids of a text.

        Args:
            text: any text.
            special: whether control tokens are recognised in it.
            around: whether the tokens are added which the tokenizer puts around a text.
        """
        data = text.encode()
        size = len(data) + 2
        room = (llama_cpp.llama_token * size)()
        count = llama_cpp.llama_tokenize(
            self._vocabulary, data, len(data), room, size, around, special
        )
        assert count >= 0
        return list(room[:count])

    def special(self) -> dict[str, int]:
        """Ids of those roles that are taken; llama.cpp finds some of them by their spelling."""
        roles = {
            "bos": llama_cpp.llama_vocab_bos,
            "eos": llama_cpp.llama_vocab_eos,
            "eot": llama_cpp.llama_vocab_eot,
            "pad": llama_cpp.llama_vocab_pad,
        }
        ids = {role: read(self._vocabulary) for role, read in roles.items()}
        return {role: index for role, index in ids.items() if index >= 0}

    def ends(self) -> set[int]:
        """Every token that ends a text."""
        tokens = range(len(self))
        return {i for i in tokens if llama_cpp.llama_vocab_is_eog(self._vocabulary, i)}


def write_vocabulary(path: Path, tokenizer: Tokenizer) -> Path:
    """Write a GGUF which has a tokenizer and no tensors."""
    architecture = Entry("general.architecture", GGUFValueType.STRING, "qwen2")
    metadata = [architecture, *tokenizer_metadata(tokenizer)]
    path.write_bytes(b"".join(encode_header([encode_entries(metadata)], [])))
    return path


@contextmanager
def llama_vocabulary(path: Path) -> Iterator[LlamaVocabulary]:
    """The vocabulary of the GGUF at ``path``; its weights are not loaded."""
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = True
    parameters.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
    assert model is not None
    yield LlamaVocabulary(model)
    llama_cpp.llama_model_free(model)
    llama_cpp.llama_log_set(llama_cpp.llama_log_callback(), ctypes.c_void_p(0))
