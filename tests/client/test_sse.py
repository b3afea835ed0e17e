"""Server-sent events survive being cut anywhere."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.client.sse import SSEParser

DATA = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n")).map(
    lambda text: text.encode()
)
LINE_END = st.sampled_from([b"\n", b"\r\n", b"\r"])
NOISE = st.sampled_from([b"", b": keep-alive", b"event: message", b"id: 7", b"retry: 10"])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A byte stream, and the data of the events in it."""
    end = draw(LINE_END)
    events = draw(st.lists(DATA, max_size=6))
    stream = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    for data in events:
        noise = draw(NOISE)
        stream += (noise + end if noise else b"") + b"data: " + data + end + end
    return stream, events


@given(streams())
def test_every_split_gives_the_same_events(case: tuple[bytes, list[bytes]]) -> None:
    """Two pieces, cut at each point in turn."""
    stream, events = case
    for cut in range(len(stream) + 1):
        parser = SSEParser()
        assert parser.feed(stream[:cut]) + parser.feed(stream[cut:]) == events


@given(streams())
def test_byte_by_byte_gives_the_same_events(case: tuple[bytes, list[bytes]]) -> None:
    """As many pieces as there are bytes."""
    stream, events = case
    parser = SSEParser()
    pieces = [stream[at : at + 1] for at in range(len(stream))]
    assert [event for piece in pieces for event in parser.feed(piece)] == events


def test_data_lines_of_one_event_are_joined() -> None:
    """As the standard has it; a space after the colon is no part of the data."""
    assert SSEParser().feed(b"data: a\ndata:b\ndata\n\n") == [b"a\nb\n"]


def test_an_event_without_data_is_none() -> None:
    """Comments and names alone are no events, and neither is what has not ended."""
    assert SSEParser().feed(b": hello\n\nevent: x\n\ndata: unfinished\n") == []
