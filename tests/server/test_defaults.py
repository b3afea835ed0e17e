"""What requests are answered with where they leave the choice."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.models.launch import Launch
from localqwq.server.door import ANNOUNCEMENT
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.schema import ChatRequest

DEFAULTS = RequestDefaults.model_validate(
    {
        "temperature": 0.3,
        "max_tokens": 9,
        "reasoning_budget": 5,
        "reasoning_budget_message": "Now.",
        "loop_detection": False,
    }
)


def request(**fields: Any) -> ChatRequest:
    """A request with these fields."""
    return ChatRequest.model_validate({"messages": [{"role": "user", "content": "a"}], **fields})


def test_order() -> None:
    """The model's values, then the user's, then the request's."""
    usual = DEFAULTS.sampling(Sampling(temperature=0.6, top_k=20))
    assert (usual.temperature, usual.top_k) == (0.3, 20)
    asked = DEFAULTS.fill(request(temperature=0.9)).generation(usual)
    assert asked.sampling is not None
    assert (asked.sampling.temperature, asked.sampling.top_k) == (0.9, 20)


def test_silent_requests_get_the_defaults() -> None:
    """Of the thought, of loops, and of the length."""
    made = DEFAULTS.fill(request()).generation(Sampling())
    assert (made.max_tokens, made.reasoning_budget) == (9, 5)
    assert (made.handover, made.loop_detection) == ("Now.", False)
    assert RequestDefaults.parse(None).fill(request()) == request()


@pytest.mark.parametrize(
    ("fields", "budget", "tokens"),
    [
        ({"reasoning_budget": -1}, None, 9),
        ({"reasoning_effort": "high"}, None, 9),
        ({"reasoning_budget": 7, "max_tokens": 3}, 7, 3),
        ({"max_completion_tokens": 4}, 5, 4),
    ],
)
def test_what_a_request_says_counts(
    fields: dict[str, Any], budget: int | None, tokens: int
) -> None:
    """An effort is a budget, too, and so is no limit."""
    made = DEFAULTS.fill(request(**fields)).generation(Sampling())
    assert (made.reasoning_budget, made.max_tokens) == (budget, tokens)


def test_defaults_have_the_limits_of_requests() -> None:
    """They are checked where they come in."""
    assert RequestDefaults.parse(DEFAULTS.model_dump_json(exclude_none=True)) == DEFAULTS
    with pytest.raises(ValidationError):
        RequestDefaults.parse('{"temperature": 1000}')


def test_a_server_with_defaults(demo_gguf: Path) -> None:
    """It says so in its properties, and silent requests are answered with them."""
    launch = Launch(
        demo_gguf,
        "demo",
        LoadOptions(context=512, threads=1),
        defaults='{"temperature":0,"max_tokens":4}',
    )
    command = [sys.executable, "-m", "localqwq.server", launch.as_json()]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, "--port", "0", "--parent-pipe"], stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith(ANNOUNCEMENT))
        url = line.removeprefix(ANNOUNCEMENT).strip()
        with httpx2.Client(base_url=url, timeout=60, trust_env=False) as http:
            known = http.get("/props").json()["default_generation_settings"]["params"]
            body = {"messages": [{"role": "user", "content": "Hello"}], "top_k": 5}
            answer = http.post("/v1/chat/completions", json=body).json()
        process.terminate()
    assert known["temperature"] == 0
    assert (answer["sampling"]["temperature"], answer["sampling"]["top_k"]) == (0, 5)
    assert answer["usage"]["completion_tokens"] == 4
