"""What the server's chunks say, the client's events say again."""

import json
from itertools import pairwise
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from localqwq.client.answer import AnswerAssembler
from localqwq.client.sse import SSEParser
from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    PromptProgress,
    Thought,
    ThoughtEnd,
    Timings,
    ToolCall,
    Usage,
)
from localqwq.server.http.chunks import ChunkWriter, Identity
from localqwq.server.http.replies import sse

COUNT = st.integers(0, 10_000)
SECONDS = st.floats(0, 1e6)
PIECES = st.lists(
    st.builds(Thought, st.text(), st.integers(0, 3))
    | st.builds(Answer, st.text(), st.integers(0, 3)),
    max_size=20,
)
CALLS = st.lists(
    st.builds(ToolCall, st.text(min_size=1), st.text(min_size=1), st.just('{"a": 1}')),
    unique_by=lambda call: call.id,
)
FINISH = st.builds(
    Finish,
    st.sampled_from(["length", "loop"]),
    st.builds(Usage, COUNT, COUNT, COUNT, st.integers(1, 10_000)),
    st.builds(Timings, SECONDS, SECONDS, SECONDS, SECONDS),
    st.fixed_dictionaries({"seed": COUNT, "temperature": SECONDS}),
    st.sampled_from(get_args(ThoughtEnd)),
)


def text(events: list[Event], kind: type[Thought] | type[Answer]) -> str:
    """All pieces of a thought or an answer together."""
    return "".join(event.text for event in events if isinstance(event, kind))


@given(PIECES, CALLS, FINISH, st.lists(st.integers(0, 30)), st.integers(1, 50))
def test_events_survive_the_wire(
    pieces: list[Event], calls: list[ToolCall], end: Finish, cuts: list[int], size: int
) -> None:
    """Whichever events share a batch, and wherever the bytes are cut."""
    sent: list[Event] = [PromptProgress(3, 9, 1), *pieces, *calls, end]
    bounds = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    writer = ChunkWriter(Identity("id", 0, "model"), usage=True, progress=True)
    stream = b"".join(sse(writer.write(sent[start:stop])) for start, stop in pairwise(bounds))

    parser, assembler = SSEParser(), AnswerAssembler()
    received: list[Event] = []
    for at in range(0, len(stream), size):
        for data in parser.feed(stream[at : at + size]):
            received += assembler.feed(json.loads(data))
    received += assembler.finish()

    assert received[0] == sent[0]
    assert text(received, Thought) == text(sent, Thought)
    assert text(received, Answer) == text(sent, Answer)
    assert [event for event in received if isinstance(event, ToolCall)] == calls
    assert received[-1] == end
