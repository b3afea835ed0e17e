"""Embeddings over HTTP, in OpenAI's form and in Ollama's."""

import base64
import http.client
import json
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import ollama
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.server.http.embeddings.vectors import base64_text, numbers, shortened
from localqwq.server.http.errors import InvalidRequestError
from tests.embedding_models import make_embedding_model
from tests.servers import announced, server_command

TEXTS = ["hello world", "a cat", "the cat sat"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose model makes embeddings."""
    model = make_embedding_model(tmp_path_factory.mktemp("embedding"))
    command = server_command(model, "--port", "0", "--parent-pipe", name="embedding:F16")
    with announced(command) as found:
        yield found


@pytest.fixture
def embedding(url: str) -> Iterator[httpx2.Client]:
    """A client of it."""
    with httpx2.Client(base_url=url, timeout=120, trust_env=False) as client:
        yield client


def told(reply: httpx2.Response) -> dict[str, Any]:
    """The body of a reply that is no error."""
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def metric(client: httpx2.Client, name: str) -> float:
    """A value of ``/metrics``."""
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"localqwq_{name} "))


def test_openais_client(url: str) -> None:
    """Gets the same numbers in base64, its default, as in digits."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        packed = client.embeddings.create(model="embedding", input=TEXTS)
        plain = client.embeddings.create(model="embedding", input=TEXTS, encoding_format="float")
        short = client.embeddings.create(model="embedding", input=TEXTS[0], dimensions=16)
        with pytest.raises(openai.BadRequestError, match="embeddings have 256 dimensions"):
            client.embeddings.create(model="embedding", input="a", dimensions=257)
        with pytest.raises(openai.BadRequestError, match="makes embeddings, no answers"):
            client.chat.completions.create(
                model="embedding", messages=[{"role": "user", "content": "Hi"}]
            )
    assert packed.model == "embedding:F16"
    assert [one.index for one in packed.data] == [0, 1, 2]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, rel=1e-6)
        assert sum(value * value for value in one.embedding) == pytest.approx(1, abs=1e-5)
    whole = packed.data[0].embedding[:16]
    factor = short.data[0].embedding[0] / whole[0]
    assert factor > 1
    assert short.data[0].embedding == pytest.approx([factor * value for value in whole], abs=1e-3)
    assert packed.usage.prompt_tokens == packed.usage.total_tokens > 3 * len(TEXTS)


def test_texts_and_tokens(embedding: httpx2.Client) -> None:
    """Are the same to the model; more than it is given at a time come in their order."""
    tokens = embedding.post("/tokenize", json={"content": "hello", "add_special": True}).json()
    assert tokens["tokens"][-1] == 258
    forms: list[Any] = ["hello", ["hello"], tokens["tokens"], [tokens["tokens"]]]
    bodies = [told(embedding.post("/embeddings", json={"input": form})) for form in forms]
    values = [one["data"][0]["embedding"] for one in bodies]
    assert values[1:] == values[:1] * 3
    counted = metric(embedding, "prompt_tokens_total")
    many = told(embedding.post("/v1/embeddings", json={"input": ["hello", "a cat"] * 40}))
    first, second = many["data"][0]["embedding"], many["data"][1]["embedding"]
    assert first == pytest.approx(values[0], abs=1e-3)
    assert metric(embedding, "prompt_tokens_total") - counted == many["usage"]["total_tokens"]
    for index, one in enumerate(many["data"]):
        assert one["index"] == index
        assert one["embedding"] == pytest.approx([first, second][index % 2], abs=1e-3)


def test_ollamas_client(url: str, embedding: httpx2.Client) -> None:
    """Both of its routes; what is too long is cut unless it says otherwise."""
    client = ollama.Client(host=url)
    found = client.embed(model="embedding", input=TEXTS)
    assert len(found.embeddings) == 3
    assert found.prompt_eval_count is not None
    older = client.embeddings(model="embedding", prompt=TEXTS[0])
    assert older.embedding == pytest.approx(found.embeddings[0], abs=1e-3)
    assert client.show("embedding").capabilities == ["embedding"]
    long = "a " * 3000
    assert client.embed(model="embedding", input=long).prompt_eval_count == 2048
    with pytest.raises(ollama.ResponseError, match="takes at most 2,048"):
        client.embed(model="embedding", input=long, truncate=False)
    with pytest.raises(ollama.ResponseError, match="makes embeddings, no answers"):
        client.chat(model="embedding", messages=[{"role": "user", "content": "Hi"}])
    for path, field in (("/api/embed", "embeddings"), ("/api/embeddings", "embedding")):
        empty = told(embedding.post(path, json={"model": "embedding"}))
        assert empty[field] == [], "it only loads the model"


def test_a_client_that_goes_away(url: str, embedding: httpx2.Client) -> None:
    """Is not worked for any more."""
    texts = ["a b c " * 300] * 2000  # minutes of work
    counted = metric(embedding, "prompt_tokens_total")
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/embeddings", json.dumps({"input": texts}), headers)
    wait_for(lambda: metric(embedding, "requests_running") == 1)
    connection.close()
    wait_for(lambda: metric(embedding, "requests_running") == 0)
    assert metric(embedding, "prompt_tokens_total") - counted < 1000 * len(texts)


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, a minute at most."""
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize(
    ("body", "param", "sentence"),
    [
        ({}, "input", "it is missing"),
        ({"input": None}, "input", "a text, a list of texts"),
        ({"input": []}, "input", "must not be empty"),
        ({"input": ["a", 1]}, "input", "a text, a list of texts"),
        ({"input": [99999]}, "input", "The token 99999 does not exist"),
        ({"input": ["a"] * 2049}, "input", "at most 2048 texts"),
        ({"input": "a", "dimensions": 0}, "dimensions", "greater than or equal to 1"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format", "'float' or 'base64'"),
    ],
)
def test_odd_bodies(
    embedding: httpx2.Client, body: dict[str, Any], param: str, sentence: str
) -> None:
    """Get a sentence that names the field."""
    reply = embedding.post("/v1/embeddings", json=body)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["param"] == param
    assert sentence in error["message"]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings", "/api/embed", "/api/embeddings"])
def test_a_model_that_answers(demo_server: str, path: str) -> None:
    """Makes none, and the sentence names one that would; nothing is loaded for that."""
    url = f"{demo_server}{path}"
    reply = httpx2.post(url, json={"model": "demo", "input": "x"}, timeout=120, trust_env=False)
    assert reply.status_code == 404
    error = reply.json()["error"]
    sentence = error if path.startswith("/api/") else error["message"]
    assert sentence.startswith("demo:Q8_0 answers conversations and makes no embeddings")
    assert "localqwq pull hf:Qwen/Qwen3-Embedding" in sentence


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=20), st.integers(1, 20))
def test_vectors(values: list[float], wanted: int) -> None:
    """Keep every bit of their numbers, and are of length 1 when they are cut."""
    packed = struct.pack(f"<{len(values)}f", *values)
    assert struct.pack(f"<{len(values)}f", *numbers(packed)) == packed
    assert base64.b64decode(base64_text(packed)) == packed
    if wanted > len(values):
        with pytest.raises(InvalidRequestError, match="dimensions"):
            shortened(packed, wanted)
    elif wanted < len(values):
        length = sum(value * value for value in numbers(shortened(packed, wanted)))
        norm = sum(value * value for value in values[:wanted])
        assert length == (0 if norm == 0 else pytest.approx(1, rel=1e-3))
    else:
        assert shortened(packed, wanted) == packed
