"""What OpenAI's form asks of chunks and responses."""

from localqwq.reasoning.events import (
    Answer,
    ContextChanged,
    Event,
    Finish,
    PromptProgress,
    Thought,
    Timings,
    TokenLogprob,
    ToolCall,
    ToolCallPart,
    Usage,
)
from localqwq.server.http.chunks import ChunkWriter, Identity, response
from localqwq.server.http.text_chunks import ChoiceWriter as TextChoiceWriter
from localqwq.server.http.text_chunks import TextWriter

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
    """A call of which no parts were told is one complete delta with its index."""
    writer = ChunkWriter(WHO, usage=False, progress=False)
    chunks = writer.write([CALL, ToolCall("call_2", "add", "{}")])
    calls = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in chunks]
    assert [call["index"] for call in calls] == [0, 1]
    assert calls[0]["function"] == {"name": "add", "arguments": "{}"}


def test_parts_of_a_call() -> None:
    """Id, type and name first, the arguments after them by index; the whole is not told again."""
    writer = ChunkWriter(WHO, usage=False, progress=False)
    chunks = writer.write(
        [
            ToolCallPart("a", "add", "", 5),
            ToolCallPart("a", "", '{"x"', 1),
            ToolCallPart("a", "", ": 1", 1),
        ]
    )
    chunks += writer.write([ToolCallPart("a", "", "}", 1), ToolCallPart("a", "", "", 2)])
    chunks += writer.write([ToolCall("a", "add", '{"x": 1}'), ToolCallPart("b", "f", "", 3)])
    calls = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in chunks]
    assert calls == [
        {
            "index": 0,
            "id": "a",
            "type": "function",
            "function": {"name": "add", "arguments": ""},
        },
        {"index": 0, "function": {"arguments": '{"x": 1'}},
        {"index": 0, "function": {"arguments": "}"}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "f", "arguments": ""}},
    ]
    assert [chunk["tokens"] for chunk in chunks] == [5, 2, 3, 3]


def test_parts_in_a_whole_response() -> None:
    """A complete call is there as it is, one that was cut off as far as it went."""
    events: list[Event] = [
        ToolCallPart("a", "add", "", 5),
        ToolCallPart("a", "", "{}", 1),
        ToolCall("a", "add", "{}"),
        ToolCallPart("b", "f", "", 3),
        ToolCallPart("b", "", '{"x', 1),
        END,
    ]
    calls = response(WHO, events)["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [
        ("a", "{}"),
        ("b", '{"x'),
    ]


def test_a_new_context_is_told() -> None:
    """With its tokens and its factor."""
    event = ContextChanged(65536, 2.0)
    (chunk,) = ChunkWriter(WHO, usage=False, progress=False).write([event])
    assert chunk["context"] == {"tokens": 65536, "rope_factor": 2.0}
    assert response(WHO, [event, END])["context"] == chunk["context"]


def test_whole_response() -> None:
    """The same events without a stream."""
    whole = response(WHO, [*ANSWER[:-1], CALL, END])
    message = whole["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("ab", "c")
    assert message["tool_calls"][0]["id"] == "call_1"
    assert whole["usage"]["completion_tokens"] == 3
    assert whole["object"] == "chat.completion"


def test_a_loop_has_a_reason_that_openai_knows() -> None:
    """The answer is not whole; ours stands beside it, streamed or not."""
    loop = Finish("loop", Usage(4, 1, 2, 3), Timings(), {}, "closed")
    last = ChunkWriter(WHO, usage=False, progress=False).write([Answer("a"), loop])[-1]
    for choice in (last["choices"][0], response(WHO, [Answer("a"), loop])["choices"][0]):
        assert choice["finish_reason"] == "length"
        assert choice["finish_details"] == {"thought": "closed", "reason": "loop"}
    told = TextWriter(WHO, [TextChoiceWriter(0, echo=None, logprobs=False)]).whole([[loop]])
    assert told["choices"][0]["finish_reason"] == "length"
    assert told["choices"][0]["finish_details"]["reason"] == "loop"


def test_several_choices() -> None:
    """Their chunks have their index, and they are counted together at the end of the last one."""
    writer = ChunkWriter(WHO, usage=True, progress=True, choices=2)
    begin = PromptProgress(4, 4, 1)
    chunks = writer.write([begin, Answer("b"), END], 1) + writer.write([begin, Answer("a"), END], 0)
    told = [
        (one["index"], one["delta"].get("content")) for chunk in chunks for one in chunk["choices"]
    ]
    assert told == [(1, "b"), (1, None), (0, None), (0, "a"), (0, None)]
    assert [chunk for chunk in chunks if not chunk["choices"]] == [chunks[-1]]
    whole = response(WHO, [Answer("a"), END], [Answer("b"), END])
    assert [one["message"]["content"] for one in whole["choices"]] == ["a", "b"]
    assert [one["index"] for one in whole["choices"]] == [0, 1]
    for usage in (whole["usage"], chunks[-1]["usage"]):
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (4, 6)
        assert usage["total_tokens"] == 10
    ended = [one for chunk in chunks for one in chunk["choices"] if one["finish_reason"]]
    single = response(WHO, ANSWER)
    for choice in (*whole["choices"], *ended):
        assert choice["timings"].keys() == single["timings"].keys()
        assert choice["sampling"] == END.sampling
    assert "timings" not in whole
    assert "timings" not in single["choices"][0]
    uncounted = ChunkWriter(WHO, usage=False, progress=False, choices=2).write([END], 0)
    assert "timings" not in uncounted[-1]["choices"][0]


def test_programs_for_llama_server_find_its_fields() -> None:
    """Timings under its names beside ours, and what OpenAI calls the fingerprint."""
    body = response(WHO, ANSWER)
    assert body["timings"] == {
        "load_s": 1,
        "first_token_s": 2,
        "prompt_tps": 3,
        "generate_tps": 4,
        "cache_n": 1,
        "prompt_n": 3,
        "prompt_per_second": 3,
        "predicted_n": 3,
        "predicted_per_second": 4,
    }
    assert body["system_fingerprint"].startswith("b")


def test_reading_begins_with_what_is_cached() -> None:
    """The first progress is told even where all comes at once; later ones share a chunk."""
    events: list[Event] = [PromptProgress(done, 9, 2) for done in (2, 4, 6, 9)]
    chunks = ChunkWriter(WHO, usage=False, progress=True).write(events)
    assert [chunk["prompt_progress"]["processed"] for chunk in chunks] == [2, 9]
