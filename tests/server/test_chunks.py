"""What OpenAI's form asks of chunks and responses."""

from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    PromptProgress,
    Thought,
    Timings,
    TokenLogprob,
    ToolCall,
    Usage,
)
from localqwq.server.chunks import ChunkWriter, Identity, response

WHO = Identity("chatcmpl-1", 5, "demo")
CALL = ToolCall("call_1", "add", "{}")
END = Finish("stop", Usage(4, 1, 2, 3), Timings(1, 2, 3, 4), {"seed": 6})
ANSWER: list[Event] = [PromptProgress(4, 4, 1), Thought("a"), Thought("b", 2), Answer("c"), END]


def test_neighbours_share_a_chunk() -> None:
    """Pieces of one kind become one delta, with the number of their tokens; the role comes once."""
    first, second, last = ChunkWriter(WHO, usage=False, progress=False).write(ANSWER)
    assert first["choices"][0]["delta"] == {"role": "assistant", "reasoning_content": "ab"}
    assert first["tokens"] == 3
    assert second["choices"][0]["delta"] == {"content": "c"}
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["choices"][0]["delta"] == {}


def test_usage_and_progress_only_if_asked_for() -> None:
    """The usage chunk is the last and has no choices."""
    chunks = ChunkWriter(WHO, usage=True, progress=True).write(ANSWER)
    assert chunks[0]["prompt_progress"] == {"total": 4, "cache": 1, "processed": 4}
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 7
    assert chunks[-1]["usage"]["prompt_tokens_details"] == {"cached_tokens": 1}
    assert chunks[-1]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}
    assert chunks[-1]["sampling"] == {"seed": 6}


def test_tokens_without_text_are_counted_with_the_next() -> None:
    """A token in the middle of a character has no text of its own."""
    writer = ChunkWriter(WHO, usage=False, progress=False)
    assert writer.write([Answer("")]) == []
    assert writer.write([Answer("é")])[0]["tokens"] == 2


def test_logprobs_have_openais_form() -> None:
    """The answer's as ``content``, the thought's beside them; those without text wait."""
    top = TokenLogprob("é", "é".encode(), -0.5)
    entry = TokenLogprob("\ufffd", b"\xc3", -1.0, (top,))
    writer = ChunkWriter(WHO, usage=False, progress=False)
    first, second = writer.write([Thought("a", 1, (top,)), Answer("b", 2, (entry, top)), END])[:2]
    assert first["choices"][0]["logprobs"] == {
        "content": None,
        "refusal": None,
        "reasoning_content": [
            {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": []}
        ],
    }
    content = second["choices"][0]["logprobs"]["content"]
    assert [item["bytes"] for item in content] == [[195], [195, 169]]
    assert content[0]["top_logprobs"] == [{"token": "é", "logprob": -0.5, "bytes": [195, 169]}]
    assert writer.write([Answer("", 1, (entry,))]) == []
    assert len(writer.write([Answer("é", 1, (top,))])[0]["choices"][0]["logprobs"]["content"]) == 2
    whole = response(WHO, [Answer("a", 1, (top,)), END])["choices"][0]
    assert len(whole["logprobs"]["content"]) == 1


def test_the_end_of_the_thought_is_told() -> None:
    """Beside the finish reason."""
    end = Finish("length", Usage(), Timings(), {}, "unfinished")
    (chunk,) = ChunkWriter(WHO, usage=False, progress=False).write([end])
    assert chunk["choices"][0]["finish_details"] == {"thought": "unfinished"}
    assert response(WHO, [end])["choices"][0]["finish_details"] == {"thought": "unfinished"}


def test_tool_calls_are_numbered() -> None:
    """Each call is one complete delta with its index."""
    writer = ChunkWriter(WHO, usage=False, progress=False)
    chunks = writer.write([CALL, CALL])
    calls = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in chunks]
    assert [call["index"] for call in calls] == [0, 1]
    assert calls[0]["function"] == {"name": "add", "arguments": "{}"}


def test_whole_response() -> None:
    """The same events without a stream."""
    whole = response(WHO, [*ANSWER[:-1], CALL, END])
    message = whole["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("ab", "c")
    assert message["tool_calls"][0]["id"] == "call_1"
    assert whole["usage"]["completion_tokens"] == 3
    assert whole["object"] == "chat.completion"
