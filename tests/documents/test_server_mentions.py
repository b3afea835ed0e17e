"""What a prompt mentions of MCP servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.documents.server_mentions import (
    ServerPrompt,
    called_prompt,
    mentioned_resources,
    prompt_arguments,
)

SERVERS = ("git", "files")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Read @git:repo://log.", [("git", "repo://log")]),
        ('@"files:file:///a b.txt" and (@git:x)', [("files", "file:///a b.txt"), ("git", "x")]),
        ("@git:x @git:x", [("git", "x")]),
        ("@other:x me@git:x @git: @git", []),
    ],
)
def test_resources(text: str, found: list[tuple[str, str]]) -> None:
    """Only of known servers, and each once."""
    assert mentioned_resources(text, SERVERS) == found


def test_prompts() -> None:
    """At the beginning, with what follows; paths and commands are none."""
    assert called_prompt("/git:message area=docs\n", SERVERS) == ServerPrompt(
        "git", "message", "area=docs"
    )
    for text in ("/other:x", "/etc/hosts:1", "/tools", "see /git:message"):
        assert called_prompt(text, SERVERS) is None


def test_arguments() -> None:
    """By name, and else in order; the last takes the rest."""
    names = ["language", "text"]
    assert prompt_arguments("text=Hi there language=fr", names) == {"text": "Hi", "language": "fr"}
    assert prompt_arguments("fr good morning all", names) == {
        "language": "fr",
        "text": "good morning all",
    }
    assert prompt_arguments("it's", ["text"]) == {"text": "it's"}
    assert prompt_arguments("", names) == {}


@given(st.text(), st.lists(st.sampled_from(["a", "b", "c"]), unique=True))
def test_any_words(words: str, names: list[str]) -> None:
    """Nothing but the names that it takes gets a value."""
    assert prompt_arguments(words, names).keys() <= set(names)
