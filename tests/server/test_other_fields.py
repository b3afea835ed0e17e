"""Fields of other servers: taken under their names, refused with the name of ours, or told."""

import json
from typing import Any

import httpx2
import pytest

from localqwq.engine.request import GenerationRequest
from localqwq.gguf.sampling import Sampling
from localqwq.server.http.body import parse_body
from localqwq.server.http.choices import several
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.ignored_fields import HEADER
from localqwq.server.http.other_fields import HARMLESS, REFUSED, unknown_fields
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.text_schema import TextRequest

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
BRIEF = {"temperature": 0, "enable_thinking": False}
EIGHT = ("aaa", "aab", "aba", "abb", "baa", "bab", "bba", "bbb")
DIGIT = {"type": "string", "enum": ["7", "8"]}


def asked(**fields: Any) -> GenerationRequest:
    """What the engine is asked for."""
    body = json.dumps({"messages": HELLO["messages"], **fields}).encode()
    return parse_body(ChatRequest, body).generation(Sampling())


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"n_predict": 5}, "max_tokens", 5),
        ({"n_predict": -1}, "max_tokens", None),
        ({"n_predict": 5, "max_tokens": 6}, "max_tokens", 6),
        ({"n_probs": 3}, "top_logprobs", 3),
        ({"n_probs": 0}, "top_logprobs", None),
        ({"repetition_penalty": 1.5}, "repeat_penalty", 1.5),
        ({"repeat_penalty": 1.5}, "repeat_penalty", 1.5),
        ({"typ_p": 0.5}, "typical_p", 0.5),
        ({"seed": 2**63}, "seed", 2**63),
        ({"seed": -7}, "seed", -7),
        ({"seed": -1}, "seed", None),
    ],
)
def test_names_of_other_servers(fields: dict[str, Any], name: str, value: Any) -> None:
    """They mean the same here, in chats and text completions."""
    text = TextRequest.model_validate({"prompt": "a"} | fields).generation([1], Sampling())
    for request in (asked(**fields), text):
        holder = request.sampling if hasattr(request.sampling, name) else request
        assert getattr(holder, name) == value


@pytest.mark.parametrize(("effort", "budget"), [("minimal", 256), ("max", None)])
def test_efforts(effort: str, budget: int | None) -> None:
    """The least and the most that clients know."""
    assert asked(reasoning_effort=effort).reasoning_budget == budget


@pytest.mark.parametrize(
    ("fields", "form"),
    [
        ({"json_schema": DIGIT}, {"type": "json_schema", "json_schema": {"schema": DIGIT}}),
        ({"guided_json": json.dumps(DIGIT)},
         {"type": "json_schema", "json_schema": {"schema": DIGIT}}),
        ({"structured_outputs": {"json": DIGIT}},
         {"type": "json_schema", "json_schema": {"schema": DIGIT}}),
        ({"structured_outputs": {"json_object": True}}, {"type": "json_object"}),
        ({"grammar": "root ::= x"}, {"type": "grammar", "grammar": "root ::= x"}),
        ({"guided_regex": "a+"}, {"type": "regex", "pattern": "a+"}),
        ({"guided_choice": ["a"]}, {"type": "choice", "choices": ["a"]}),
        ({"grammar": "", "response_format": {"type": "text"}}, None),
    ],
)  # fmt: skip
def test_forms_under_other_names(fields: dict[str, Any], form: dict[str, Any] | None) -> None:
    """As ``response_format`` says it."""
    assert asked(**fields).response_format == form


def test_two_forms_at_once() -> None:
    """Cannot hold, and are named."""
    with pytest.raises(InvalidRequestError, match="only one of json_schema and guided_regex"):
        asked(guided_regex="a", json_schema={})


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"guided_choice": ["yes", "no"]}, ("yes", "no")),
        (
            {"structured_outputs": {"regex": "[ab]{3}"}},
            EIGHT,
        ),
        ({"grammar": 'root ::= "x" [0-9] "y"'}, tuple(f"x{digit}y" for digit in range(10))),
        ({"json_schema": DIGIT}, ('"7"', '"8"')),
    ],
)
def test_the_answer_has_the_form(
    http: httpx2.Client, fields: dict[str, Any], wanted: tuple[str, ...]
) -> None:
    """The whole of it, of a chat and of a text completion."""
    choice = http.post(CHAT, json=HELLO | BRIEF | fields).json()["choices"][0]
    assert choice["message"]["content"].strip() in wanted
    body = {"prompt": "9 + 7 =", "temperature": 0} | fields
    assert http.post(TEXT, json=body).json()["choices"][0]["text"].strip() in wanted


@pytest.mark.parametrize(
    ("grammar", "param"), [("root ::= x", "grammar"), ('root ::= root "a"', "guided_grammar")]
)
def test_a_grammar_that_is_none(http: httpx2.Client, grammar: str, param: str) -> None:
    """400 that names the request's own field."""
    reply = http.post(CHAT, json=HELLO | {param: grammar})
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
    assert "GBNF" in reply.json()["error"]["message"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_change_the_result_is_refused(name: str) -> None:
    """Unless it is null or asks for nothing; the sentence has the way out."""
    for value in (None, *REFUSED[name].neutral):
        assert not unknown_fields({name: value})
    with pytest.raises(InvalidRequestError, match=f"{name!r} is not supported: ") as caught:
        unknown_fields({name: ["something"]})
    assert caught.value.param == name


def test_true_is_no_number() -> None:
    """``1`` is neutral where ``true`` is not."""
    with pytest.raises(InvalidRequestError):
        unknown_fields({"length_penalty": True})


def test_a_new_turn_is_not_begun_where_one_goes_on() -> None:
    """vLLM wants both fields together."""
    assert not unknown_fields({"add_generation_prompt": False}, continues=True)
    with pytest.raises(InvalidRequestError, match="continue_final_message"):
        unknown_fields({"add_generation_prompt": False})
    with pytest.raises(InvalidRequestError, match="cannot be continued"):
        unknown_fields({"add_generation_prompt": True}, continues=True)


def test_fields_have_one_meaning() -> None:
    """None is harmless and refused, or one of ours and on a list."""
    names = HARMLESS | REFUSED.keys()
    assert not HARMLESS & REFUSED.keys()
    assert not names & ChatRequest.model_fields.keys()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("path", "body"), [(CHAT, HELLO), (TEXT, {"prompt": "a"})])
def test_unknown_fields_are_told(
    http: httpx2.Client, path: str, body: dict[str, Any], stream: bool
) -> None:
    """In a header; harmless ones and those of ours are not."""
    more = {"user": "me", "tempreature": 0, "\r\nfoo: é": 1, "stream": stream}
    reply = http.post(path, json=body | more)
    assert reply.status_code == 200
    assert reply.headers[HEADER] == "%0D%0Afoo%3A%20%C3%A9, tempreature"
    assert HEADER not in http.post(path, json=body | {"user": "me"}).headers


def test_unknown_fields_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """By their names."""
    from localqwq.server.http.ignored_fields import IgnoredFields

    async def send(_: Any) -> None: ...

    fields = IgnoredFields()
    for _ in range(2):
        fields.told(["tempreature"], send)
    assert "".join(caplog.messages).count("'tempreature'") == 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("fields", "inside"),
    [
        ({"reasoning_format": "none"}, True),
        ({"reasoning_format": "hidden"}, False),
        ({"include_reasoning": False}, False),
        ({"reasoning": {"exclude": True}}, False),
    ],
)
def test_where_thoughts_are_told(
    http: httpx2.Client, fields: dict[str, Any], inside: bool, stream: bool
) -> None:
    """Within the answer's text, or not at all; they count as tokens either way."""
    question = {"messages": [{"role": "user", "content": "What is 12 + 30?"}], "temperature": 0}
    usual = http.post(CHAT, json=question).json()
    message = usual["choices"][0]["message"]
    body = question | fields | {"stream": stream, "stream_options": {"include_usage": True}}
    reply = http.post(CHAT, json=body)
    assert "reasoning_content" not in reply.text
    if stream:
        lines = reply.text.split("\n\n")[:-2]
        chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        told = "".join(delta.get("content") or "" for delta in deltas)
        usage = chunks[-1]["usage"]
        assert sum(chunk.get("tokens", 0) for chunk in chunks) <= usage["completion_tokens"]
    else:
        told, usage = reply.json()["choices"][0]["message"]["content"], reply.json()["usage"]
    thought = f"<think>\n{message['reasoning_content']}\n</think>\n\n" if inside else ""
    assert told == thought + message["content"]
    assert usage["completion_tokens_details"] == usual["usage"]["completion_tokens_details"]


def test_each_choice_has_the_next_seed() -> None:
    """So that one of them can be had again alone."""
    request = GenerationRequest(sampling=Sampling(seed=5))
    seeds = [one.sampling.seed for one in several(request, 3) if one.sampling]
    assert seeds == [5, 6, 7]
    assert several(GenerationRequest(), None) == [GenerationRequest()]


@pytest.mark.parametrize("stream", [True, False])
def test_several_answers(http: httpx2.Client, stream: bool) -> None:
    """Each is what its seed gives alone, under its index; the prompt counts once."""
    body = HELLO | {"temperature": 2, "top_p": 1, "top_k": 0, "loop_detection": False}
    alone = [http.post(CHAT, json=body | {"seed": seed}).json() for seed in (11, 12, 13)]
    texts = [text_of(one["choices"][0]["message"]) for one in alone]
    assert len(set(texts)) > 1
    reply = http.post(
        CHAT,
        json=body
        | {"seed": 11, "n": 3, "stream": stream, "stream_options": {"include_usage": True}},
    )
    if stream:
        lines = reply.text.split("\n\n")[:-2]
        chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
        told = ["", "", ""]
        for chunk in chunks:
            for choice in chunk["choices"]:
                told[choice["index"]] += text_of(choice["delta"])
        usage = chunks[-1]["usage"]
    else:
        told = [text_of(choice["message"]) for choice in reply.json()["choices"]]
        usage = reply.json()["usage"]
    ends = chunks if stream else [reply.json()]
    seeds = {
        choice["index"]: choice["sampling"]["seed"]
        for end in ends
        for choice in end["choices"]
        if choice["finish_reason"]
    }
    assert [seeds[index] for index in range(3)] == [one["sampling"]["seed"] for one in alone]
    assert told == texts
    assert usage["prompt_tokens"] == alone[0]["usage"]["prompt_tokens"]
    assert usage["completion_tokens"] == sum(one["usage"]["completion_tokens"] for one in alone)


def text_of(part: dict[str, Any]) -> str:
    """Thought and answer of a message or a delta."""
    return (part.get("reasoning_content") or "") + (part.get("content") or "")


def test_several_completions(http: httpx2.Client) -> None:
    """Two for each prompt, in the order of the prompts."""
    body = {"prompt": ["9 + 7 =", "Hello"], "n": 2, "max_tokens": 4, "echo": True, "seed": 3}
    choices = http.post(TEXT, json=body).json()["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2, 3]
    assert [choice["sampling"]["seed"] for choice in choices] == [3, 4, 3, 4]
    assert all("generate_tps" in choice["timings"] for choice in choices)
    begins = [choice["text"].startswith("9 + 7 =") for choice in choices]
    assert begins == [True, True, False, False]


def test_a_large_seed(http: httpx2.Client) -> None:
    """The seed that is told gives the same answer."""
    body = HELLO | {"temperature": 5, "top_p": 1, "top_k": 0}
    for seed in (2**64 - 1, -5):
        first = http.post(CHAT, json=body | {"seed": seed}).json()
        again = http.post(CHAT, json=body | {"seed": first["sampling"]["seed"]}).json()
        assert first["choices"] == again["choices"]
