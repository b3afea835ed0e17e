"""Raw prompts over HTTP, as completion clients and evaluation harnesses send them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

PATH = "/v1/completions"
GREEDY = {"temperature": 0, "seed": 1}
TEXT = "<|im_start|>user\nWhat is 12 + 30?<|im_end|>\n<|im_start|>assistant\n<think>\n12"

# In Q8_0, what so small a model says changes that much with the way that tokens come in batches
# (0.02 in F16); scores that stand at a wrong token differ by several.
ROUNDING = 0.5


@pytest.fixture
def client(demo_server: str) -> Iterator[openai.OpenAI]:
    """OpenAI's client, without its retries."""
    base = f"{demo_server}/v1"
    with openai.OpenAI(base_url=base, api_key="none", max_retries=0, timeout=120) as client:
        yield client


def complete(http: httpx2.Client, **body: Any) -> dict[str, Any]:
    """The response to a request that is right."""
    reply = http.post(PATH, json=GREEDY | body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def tokens(http: httpx2.Client, text: str) -> list[int]:
    """The tokens of a text."""
    return list(http.post("/tokenize", json={"content": text}).json()["tokens"])


def test_every_form_of_prompt(http: httpx2.Client) -> None:
    """A text, its tokens, and lists of both mean the same; the choices keep the prompts' order."""
    ids = tokens(http, TEXT)
    alone = complete(http, prompt=TEXT)
    (choice,) = alone["choices"]
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "length", None)
    assert choice["text"]
    assert alone["object"] == "text_completion"
    assert alone["usage"]["prompt_tokens"] == len(ids)
    assert alone["usage"]["completion_tokens"] == 16
    assert alone["sampling"]["seed"] == 1
    for prompt in (ids, [TEXT], [ids]):
        assert complete(http, prompt=prompt)["choices"] == [choice]
    several = complete(http, prompt=[TEXT, "one two", ids, "1, 2, 3,", [ids[0]], TEXT])
    assert [entry["index"] for entry in several["choices"]] == list(range(6))
    assert [several["choices"][index]["text"] for index in (0, 2, 5)] == [choice["text"]] * 3
    counts = [len(tokens(http, text)) for text in ("one two", "1, 2, 3,")]
    assert several["usage"]["prompt_tokens"] == 3 * len(ids) + sum(counts) + 1


def test_scores_as_evaluation_harnesses_ask_for_them(http: httpx2.Client) -> None:
    """What lm-evaluation-harness computes from the echo equals a computation token by token."""
    context = tokens(http, TEXT)
    continuations = [tokens(http, text) for text in (" + 30 = 42", " zebra é", "\n")]
    prompts = [context + continuation for continuation in continuations]
    for max_tokens in (1, 0):
        body = complete(http, prompt=prompts, echo=True, logprobs=1, max_tokens=max_tokens)
        for choice, prompt in zip(body["choices"], prompts, strict=True):
            scores = choice["logprobs"]["token_logprobs"]
            assert scores[0] is None
            assert len(scores) == len(prompt) + max_tokens
            end = len(scores) - max_tokens
            for place in range(len(context), end):
                (score, best) = stepwise(http, prompt[:place], prompt[place])
                assert scores[place] == pytest.approx(score, abs=ROUNDING)
                top = choice["logprobs"]["top_logprobs"][place]
                assert max(top.values()) == pytest.approx(best, abs=ROUNDING)
                assert scores[place] in top.values()


def stepwise(http: httpx2.Client, prompt: list[int], token: int) -> tuple[float, float]:
    """The log probabilities of one token that is forced to come next, and of the likeliest one."""
    body = complete(
        http,
        prompt=prompt,
        max_tokens=1,
        logprobs=1,
        logit_bias={str(token): 100},
        cache_prompt=False,
    )
    logprobs = body["choices"][0]["logprobs"]
    return logprobs["token_logprobs"][0], max(logprobs["top_logprobs"][0].values())


def test_the_end_token_has_a_score(http: httpx2.Client) -> None:
    """Harnesses leave out the one generated token by its place, whichever it is."""
    ids = tokens(http, TEXT)
    (end,) = tokens(http, "<|im_end|>")
    ends = {"logit_bias": {str(end): 100}, "logprobs": 1, "echo": True, "max_tokens": 1}
    (choice,) = complete(http, prompt=ids, **ends)["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["text"] == TEXT
    assert len(choice["logprobs"]["tokens"]) == len(ids) + 1
    assert choice["logprobs"]["tokens"][-1] == "<|im_end|>"
    assert choice["logprobs"]["text_offset"][-1] == len(TEXT)


@pytest.mark.parametrize("prompt", [TEXT, "é 漢字 🙂 ok", "a"])
@pytest.mark.parametrize("echo", [True, False])
def test_offsets(http: httpx2.Client, prompt: str, echo: bool) -> None:
    """Each token is at its offset in the text; those that are half a character say their bytes."""
    body = complete(http, prompt=prompt, echo=echo, logprobs=3, max_tokens=12)
    (choice,) = body["choices"]
    logprobs = choice["logprobs"]
    assert choice["text"].startswith(prompt) == echo
    places = list(zip(logprobs["tokens"], logprobs["text_offset"], strict=True))
    assert len(places) == 12 + echo * body["usage"]["prompt_tokens"]
    assert [offset for _, offset in places] == sorted(offset for _, offset in places)
    for name, offset in places:
        if not name.startswith("bytes:"):
            assert choice["text"][offset:].startswith(name)
    first, *others = logprobs["top_logprobs"]
    assert (first is None) == echo
    assert all(3 <= len(top) <= 4 for top in others)


@pytest.mark.parametrize("logprobs", [None, 2])
@pytest.mark.parametrize("echo", [True, False])
def test_a_stream_is_the_same(http: httpx2.Client, echo: bool, logprobs: int | None) -> None:
    """Its pieces together are the whole response; the usage comes last, if it is asked for."""
    body = GREEDY | {"prompt": [TEXT, "1, 2, 3,"], "echo": echo, "logprobs": logprobs}
    body |= {"max_tokens": 24, "cache_prompt": False}
    whole = complete(http, **body)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    reply = http.post(PATH, json=body | options)
    *lines, end = [line.removeprefix("data: ") for line in reply.text.strip().split("\n\n")]
    assert end == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    last = chunks.pop()
    assert (last["choices"], last["usage"]) == ([], whole["usage"])
    assert {chunk["id"] for chunk in chunks} == {last["id"]}
    for choice in whole["choices"]:
        pieces = [
            piece
            for chunk in chunks
            for piece in chunk["choices"]
            if piece["index"] == choice["index"]
        ]
        assert "".join(piece["text"] for piece in pieces) == choice["text"]
        assert [piece["finish_reason"] for piece in pieces if piece["finish_reason"]] == ["length"]
        if logprobs is not None:
            for name in ("tokens", "text_offset"):
                told = [entry for piece in pieces for entry in piece["logprobs"][name]]
                assert told == choice["logprobs"][name]


def test_openais_client(client: openai.OpenAI) -> None:
    """Whole and streamed, with stop strings that are not part of the text."""
    whole = client.completions.create(model="demo:Q8_0", prompt=TEXT, temperature=0, max_tokens=30)
    text = whole.choices[0].text
    assert whole.usage is not None
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    stop = text[4:7]
    stream = client.completions.create(
        model="demo:Q8_0",
        prompt=TEXT,
        temperature=0,
        max_tokens=30,
        stop=stop,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    streamed = "".join(choice.text for chunk in chunks for choice in chunk.choices)
    assert streamed == text.partition(stop)[0]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    scored = client.completions.create(
        model="demo:Q8_0", prompt=[TEXT], temperature=0, max_tokens=0, echo=True, logprobs=0
    ).choices[0]
    assert scored.text == TEXT
    assert scored.logprobs is not None
    assert scored.logprobs.token_logprobs is not None
    assert len(scored.logprobs.token_logprobs) == whole.usage.prompt_tokens


def test_echo_without_scores(http: httpx2.Client) -> None:
    """The prompt comes as it was sent, and alone where nothing is to be generated."""
    assert complete(http, prompt="a é\n", echo=True, max_tokens=0)["choices"] == [
        {"index": 0, "text": "a é\n", "logprobs": None, "finish_reason": "length"}
    ]


def test_no_template_and_no_thought(http: httpx2.Client) -> None:
    """Tags are text like any other; nothing is trimmed or taken apart."""
    body = complete(http, prompt=TEXT, max_tokens=-1, stop="</think>")
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "</think>" not in body["choices"][0]["text"]


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ({}, "prompt", "missing"),
        ({"prompt": None}, "prompt", "must be"),
        ({"prompt": []}, "prompt", "empty"),
        ({"prompt": ""}, "prompt", "empty"),
        ({"prompt": [[]]}, "prompt", "empty"),
        ({"prompt": ["a", ""]}, "prompt", "empty"),
        ({"prompt": [1.5]}, "prompt", "must be"),
        ({"prompt": [True]}, "prompt", "must be"),
        ({"prompt": [-1]}, "prompt", "does not exist"),
        ({"prompt": [[5, 99999999999999999999]]}, "prompt", "does not exist"),
        ({"prompt": ["a"] * 257}, "prompt", "at most 256"),
        ({"prompt": "a " * 5000}, "prompt", "context"),
        ({"prompt": "a", "max_tokens": 0}, None, "echo"),
        ({"prompt": "a", "max_tokens": -2}, "max_tokens", "greater"),
        ({"prompt": "a", "logprobs": 21}, "logprobs", "20"),
        ({"prompt": "a", "logprobs": True}, "logprobs", "integer"),
        ({"prompt": "a", "n": 0}, "n", "1"),
        ({"prompt": ["a"] * 3, "n": 128}, "n", "256"),
        ({"prompt": "a", "best_of": 2}, "best_of", "must equal n"),
        ({"prompt": "a", "suffix": "b"}, "suffix", "not supported"),
        ({"prompt": "a", "temperature": 1e9}, "temperature", "100"),
        ({"prompt": "a", "logit_bias": {"123456789": 1}}, "logit_bias", "does not exist"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_errors(
    http: httpx2.Client, body: dict[str, Any], param: str | None, says: str, stream: bool
) -> None:
    """400 with the field and one sentence, also where a stream was asked for."""
    reply = http.post(PATH, json=body | {"stream": stream})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["param"] == param
    assert says in error["message"]
    if says == "context":
        assert error["code"] == "context_length_exceeded"
