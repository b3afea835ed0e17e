"""States of real llama.cpp contexts, and what tells their kinds apart."""

import ctypes
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.rope import RopeScaling
from localqwq.engine.states.key import state_key
from localqwq.engine.states.store import WORTHWHILE, StateStore
from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from tests.stored_states import (
    GENEROUS,
)


def test_the_key_tells_models_and_contexts_apart(demo_pack: Path, tmp_path: Path) -> None:
    """The same for the same file and parameters; another for any other weights."""
    model = tmp_path / "model.gguf"
    shutil.copy2(demo_pack / "demo-Q4_K_M.gguf", model)
    rope = RopeScaling("none")

    def key(path: Path = model) -> str:
        return state_key(model=path, kv_type="f16", flash=False, rope=rope, llama_version="1")

    first = key()
    assert first == key()
    yarn = replace(rope, kind="yarn", factor=2.0)
    others = {
        key(demo_pack / "demo-Q8_0.gguf"),
        state_key(model=model, kv_type="q8_0", flash=True, rope=rope, llama_version="1"),
        state_key(model=model, kv_type="f16", flash=False, rope=yarn, llama_version="1"),
        state_key(model=model, kv_type="f16", flash=False, rope=rope, llama_version="2"),
    }
    status = model.stat()
    os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    others.add(key())
    header = read_header(model)
    for tensor in (header.tensors[0], header.tensors[-1]):
        with model.open("r+b") as stream:
            stream.seek(tensor.offset + tensor.bytes // 2)
            byte = stream.read(1)
            stream.seek(-1, os.SEEK_CUR)
            stream.write(bytes([byte[0] ^ 1]))
        os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns))
        others.add(key())
    assert len(others | {first}) == 8
    with pytest.raises(LocalqwqError, match=r"gone\.gguf does not exist"):
        key(tmp_path / "gone.gguf")


class Sequence0:
    """One sequence in a bare llama.cpp context."""

    def __init__(self, model: Model) -> None:
        self.llama = binding()
        self.vocabulary = model.size
        params = self.llama.llama_context_default_params()
        params.n_ctx = 512
        params.n_threads = params.n_threads_batch = 1
        self.handle: Any = self.llama.llama_init_from_model(model.handle, params)

    def decode(self, tokens: list[int]) -> list[float]:
        """The logits after these tokens."""
        row = (ctypes.c_int32 * len(tokens))(*tokens)
        batch = self.llama.llama_batch_get_one(row, len(tokens))
        assert self.llama.llama_decode(self.handle, batch) == 0
        logits: list[float] = self.llama.llama_get_logits_ith(self.handle, -1)[: self.vocabulary]
        return logits

    def continuation(self, token: int, count: int) -> list[list[float]]:
        """The logits of a greedy continuation that starts with a token."""
        rows = []
        for _ in range(count):
            rows.append(self.decode([token]))
            token = max(range(self.vocabulary), key=rows[-1].__getitem__)
        return rows

    def cut(self, length: int) -> None:
        """Keep the first tokens only."""
        memory = self.llama.llama_get_memory(self.handle)
        assert self.llama.llama_memory_seq_rm(memory, 0, length, -1)

    def save(self) -> bytearray:
        """The sequence's state."""
        blob = bytearray(self.llama.llama_state_seq_get_size(self.handle, 0))
        buffer = (ctypes.c_uint8 * len(blob)).from_buffer(blob)
        assert self.llama.llama_state_seq_get_data(self.handle, buffer, len(blob), 0) == len(blob)
        return blob

    def restore(self, blob: Any) -> None:
        """Set the sequence's state, without copying the blob."""
        buffer = (ctypes.c_uint8 * len(blob)).from_buffer(blob)
        assert self.llama.llama_state_seq_set_data(self.handle, buffer, len(blob), 0) == len(blob)

    def close(self) -> None:
        """Free the context."""
        self.llama.llama_free(self.handle)


@pytest.mark.parametrize("cut", [0, 9])
def test_restored_states_continue_exactly(demo_gguf: Path, tmp_path: Path, cut: int) -> None:
    """Saved, written, found by a new store, and restored: every logit is the fresh run's."""
    model = Model(demo_gguf, 0)
    tokens = model.tokenize("What is larger, 9.11 or 9.9? Think. " * 12)[: WORTHWHILE + 20]
    rope = RopeScaling("none")
    key = state_key(model=demo_gguf, kv_type="f16", flash=False, rope=rope, llama_version="1")
    fresh = Sequence0(model)
    fresh.decode(tokens)
    store = StateStore(key=key, ram_bytes=GENEROUS, directory=tmp_path, disk_bytes=GENEROUS)
    store.put(tokens, fresh.save())
    store.flush()
    length = len(tokens) - cut
    fresh.cut(length)
    expected = fresh.continuation(tokens[0], 12)
    fresh.close()

    store = StateStore(key=key, ram_bytes=GENEROUS, directory=tmp_path, disk_bytes=GENEROUS)
    prompt = [*tokens[:length], tokens[0]]
    if cut:
        prompt[-1] = next(t for t in tokens if t != tokens[length])
    found = store.find(prompt)
    assert found is not None
    assert (found.common, found.length) == (length, len(tokens))
    later = Sequence0(model)
    later.restore(store.load(found))
    later.cut(found.common)
    assert later.continuation(tokens[0], 12) == expected
    later.close()
    model.close()
