"""The engine's side of embeddings: one request at a time, and a bounded number that wait."""

import asyncio
from pathlib import Path

from localqwq.engine.embedder import Embedder
from localqwq.engine.load_options import LoadOptions
from localqwq.server.engine.embedding_serving import EmbeddingServing
from localqwq.server.engine.messages import (
    Cancel,
    Embed,
    Embedded,
    Failed,
    Look,
    Served,
    State,
    Steer,
    Steered,
    Up,
)
from tests.embedding_models import make_embedding_model


async def test_requests(tmp_path: Path) -> None:
    """The first is answered, one that nobody wants any more is stopped, and one too many refused;
    so is what comes at the end.
    """
    embedder = Embedder.load(
        make_embedding_model(tmp_path), LoadOptions(context=256, parallel=2, threads=1)
    )
    told: asyncio.Queue[Up] = asyncio.Queue()
    serving = EmbeddingServing(embedder, told.put_nowait, most_waiting=1)
    served = await told.get()
    assert isinstance(served, Served)
    assert (served.facts.pooling, served.longest) == ("last", 256)
    for id_ in (1, 2, 3):
        serving.received(Embed(id_, ("hello", (1, 2)), truncate=False))
    busy = await told.get()
    assert isinstance(busy, Failed)
    assert (busy.id, busy.kind) == (3, "busy")
    serving.received(Cancel(2))
    serving.received(Look(4))
    serving.received(Steer(5, 1, answer_now=True, budget=None))
    state, steered = await told.get(), await told.get()
    assert isinstance(state, State)
    assert (state.running, state.unfinished) == (1, 2)
    assert steered == Steered(5, done=False, budget=None)
    first, stopped = await told.get(), await told.get()
    assert isinstance(first, Embedded)
    assert (first.id, first.tokens, len(first.vectors)) == (1, 4, 2)
    assert isinstance(stopped, Failed)
    assert (stopped.id, stopped.kind) == (2, "unavailable")
    serving.received(Embed(6, ("hello",), truncate=False))
    serving.stop()
    assert serving.join(60)
    last = await told.get()
    assert isinstance(last, Failed)
    assert (last.id, last.kind) == (6, "unavailable")
    serving.received(Embed(7, ("hello",), truncate=False))
    late = await told.get()
    assert isinstance(late, Failed)
    assert (late.id, late.kind) == (7, "unavailable")
    embedder.close()
