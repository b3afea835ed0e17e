"""How programs that talk to a model are pointed at a server, without changing a file of theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

KEY = "localqwq"
"""The key for a server that needs none: programs refuse to start without one."""
_PATIENCE_MS = 3_600_000
"""How long a program waits for an answer: a thought on a processor takes minutes."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model on a server."""

    url: str
    """Base URL without the ``/v1``."""
    model: str
    """The model's id there."""
    key: str = KEY
    context: int | None = None
    """Its longest context in tokens, if known."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a program is started with."""

    words: tuple[str, ...] = ()
    """Arguments that come before the person's own."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables to set; an empty value removes one."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is known by name."""

    name: str
    title: str
    install: str
    """The command that installs it."""
    setup: Callable[[Served], Setup]


def setup_of(name: str, served: Served) -> Setup:
    """Return how to start the program ``name``; of an unknown one, the variables that clients of
    the OpenAI and Anthropic APIs read.
    """
    known = PROGRAMS.get(name)
    return (known.setup if known else _any)(served)


def _claude(served: Served) -> Setup:
    kinds = ("OPUS", "SONNET", "HAIKU")
    return Setup(
        environment={
            **_anthropic(served),
            "ANTHROPIC_MODEL": served.model,
            **{f"ANTHROPIC_DEFAULT_{kind}_MODEL": served.model for kind in kinds},
            "CLAUDE_CODE_SUBAGENT_MODEL": served.model,
            # Its first system block changes with each request, and would cost the cached prefix.
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "API_TIMEOUT_MS": str(_PATIENCE_MS),
            # It gives up a stream after five minutes, whose pings it does not count.
            "CLAUDE_STREAM_IDLE_TIMEOUT_MS": str(_PATIENCE_MS),
        }
    )


def _codex(served: Served) -> Setup:
    provider = "model_providers.localqwq"
    values: dict[str, str | int] = {
        "model_provider": "localqwq",
        "model": served.model,
        f"{provider}.name": "localqwq",
        f"{provider}.base_url": f"{served.url}/v1",
        f"{provider}.wire_api": "responses",
        f"{provider}.env_key": "LOCALQWQ_API_KEY",
        f"{provider}.stream_idle_timeout_ms": _PATIENCE_MS,
    }
    if served.context:
        values["model_context_window"] = served.context
    # TOML writes strings and numbers as JSON does.
    words = (word for name, value in values.items() for word in ("-c", f"{name}={_json(value)}"))
    return Setup(tuple(words), {"LOCALQWQ_API_KEY": served.key})


def _opencode(served: Served) -> Setup:
    model: dict[str, object] = {"name": served.model}
    if served.context:
        model["limit"] = {"context": served.context, "output": served.context}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "localqwq",
        "options": {"baseURL": f"{served.url}/v1", "apiKey": served.key},
        "models": {served.model: model},
    }
    named = f"localqwq/{served.model}"
    content = {"provider": {"localqwq": provider}, "model": named, "small_model": named}
    return Setup(environment={"OPENCODE_CONFIG_CONTENT": _json(content)})


def _aider(served: Served) -> Setup:
    return Setup(
        ("--model", f"openai/{served.model}", "--no-show-model-warnings"),
        {**_openai(served), "AIDER_ANALYTICS": "false", "AIDER_CHECK_UPDATE": "false"},
    )


def _any(served: Served) -> Setup:
    return Setup(environment={**_openai(served), **_anthropic(served)})


def _openai(served: Served) -> dict[str, str]:
    base = f"{served.url}/v1"
    return {"OPENAI_BASE_URL": base, "OPENAI_API_BASE": base, "OPENAI_API_KEY": served.key}


def _anthropic(served: Served) -> dict[str, str]:
    # A key in the other variable is asked about, and sent to wherever the address leads.
    return {
        "ANTHROPIC_BASE_URL": served.url,
        "ANTHROPIC_AUTH_TOKEN": served.key,
        "ANTHROPIC_API_KEY": "",
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_NPM = "npm install -g"
PROGRAMS = {
    program.name: program
    for program in (
        Program("claude", "Claude Code", f"{_NPM} @anthropic-ai/claude-code", _claude),
        Program("codex", "Codex", f"{_NPM} @openai/codex", _codex),
        Program("opencode", "opencode", f"{_NPM} opencode-ai", _opencode),
        Program("aider", "aider", "uv tool install aider-chat", _aider),
    )
}
"""The programs that are known, by the name of their command."""
