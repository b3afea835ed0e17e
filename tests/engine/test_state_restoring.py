"""States of real llama.cpp contexts, and what tells their kinds apart."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from localqwq.engine.llama.context import Context, KvType, Part
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.rope import RopeScaling
from localqwq.engine.states.key import state_key
from localqwq.engine.states.store import WORTHWHILE, StateStore
from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from tests.stored_states import GENEROUS


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


def decode(context: Context, size: int, at: int, tokens: Sequence[int]) -> list[float]:
    """The logits of a vocabulary of this size after tokens of the first sequence, which has ``at``
    already.
    """
    [last] = context.decode([Part(0, at, tokens, 1)])
    logits: list[float] = binding().llama_get_logits_ith(context.handle, last)[:size]
    return logits


def continuation(context: Context, size: int, at: int, token: int) -> list[list[float]]:
    """The logits of twelve greedy tokens that start with one."""
    rows = []
    for place in range(at, at + 12):
        rows.append(decode(context, size, place, [token]))
        token = max(range(len(rows[-1])), key=rows[-1].__getitem__)
    return rows


@pytest.mark.parametrize("most", [GENEROUS, 40])
@pytest.mark.parametrize("cut", [0, 9])
@pytest.mark.parametrize(
    ("kv_type", "rope"),
    [
        ("f16", RopeScaling("none")),
        ("q8_0", RopeScaling("none")),
        ("f16", RopeScaling("yarn", 2.0, 256)),
    ],
)
def test_restored_states_continue_exactly(
    demo_gguf: Path, tmp_path: Path, kv_type: KvType, rope: RopeScaling, cut: int, most: int
) -> None:
    """Saved, written, found by a new store, and restored: every logit is the fresh run's."""
    model = Model(demo_gguf, 0)
    tokens = model.tokenize("What is larger, 9.11 or 9.9? Think. " * 12)[: WORTHWHILE + 20]

    def made() -> Context:
        return Context(model, size=512, rope=rope, threads=1, batch=256, kv_type=kv_type)

    def store() -> StateStore:
        key = state_key(model=demo_gguf, kv_type=kv_type, flash=False, rope=rope, llama_version="1")
        return StateStore(key=key, ram_bytes=GENEROUS, directory=tmp_path, disk_bytes=GENEROUS)

    fresh = made()
    decode(fresh, model.size, 0, tokens)
    filled = store()
    filled.put(tokens, partial(fresh.save_piece, 0, 1), most)
    filled.flush()
    length = len(tokens) - cut
    assert fresh.cut(0, length)
    expected = continuation(fresh, model.size, length, tokens[0])
    fresh.close()

    prompt = [*tokens[:length], tokens[0]]
    if cut:
        prompt[-1] = next(t for t in tokens if t != tokens[length])
    opened = store()
    found = opened.find(prompt)
    assert found is not None
    assert (found.common, found.length) == (length, len(tokens))
    later = made()
    for piece, end, blob in opened.load(found, 0, found.common):
        assert later.load_piece(0, 1, blob, piece.start, end)
    assert continuation(later, model.size, length, tokens[0]) == expected
    later.close()
    model.close()
