"""Chat templates to use instead of a model's own: files, and the built-in ones of model makers."""

import json
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.locations import demo_checkpoint, templates_directory
from localqwq.reasoning.messages import Message
from localqwq.reasoning.template_traits import REMEDY, TemplateTraits, does_not_work

_CONVERSATION: tuple[Message, ...] = (
    {"role": "system", "content": "{system prompt}"},
    {"role": "user", "content": "{question}"},
)
_LARGEST = 64 * 1024
"""Bytes; three times the longest known template."""


def chosen_template(wanted: str) -> str:
    """Return the template that a person means: from a file, or a built-in one.

    A file contains Jinja, or JSON such as a checkpoint's ``tokenizer_config.json``. Built in are
    the templates of the catalogue's models, by their names or by a common beginning of names.

    Raises:
        LocalqwqError: there is no such file or name, or the file cannot be read.
    """
    path = Path(wanted).expanduser()
    if path.is_file():
        return _of_file(path)
    known = built_in_templates()
    matching = [name for name in known if wanted.lower().startswith(name)]
    if not matching:
        raise LocalqwqError(
            f"There is no chat template {wanted!r}: name a file, or one of {', '.join(known)}."
        )
    return _of_file(known[max(matching, key=len)])


def template_problem(template: str | None, tool_template: str | None) -> str | None:
    """Return a sentence about templates that cannot be used; None if they can.

    ``tool_template`` is a separate template for conversations with tools, if the model has one.
    """
    found = _asked(template, tool_template)
    return found if isinstance(found, str) else None


def described(facts: ModelFacts) -> str:
    """Return one line on what a model's template supports, or what is wrong with it."""
    traits = _asked(facts.chat_template, facts.tool_template)
    if isinstance(traits, str):
        return traits
    tools = "tools" if traits.tools else "no tools (they are described in the system prompt)"
    thinking = {
        None: "",
        True: f", thinking on unless {traits.switch} is false",
        False: f", thinking off unless {traits.switch} is true",
    }[traits.thinks]
    named = ", and a separate template for tools" if facts.tool_template else ""
    return f"{tools}{thinking}{named}"


def prompt_format(facts: ModelFacts) -> str | None:
    """Return a small conversation as the model's template formats it; None if it cannot."""
    if facts.chat_template is None:
        return None
    with closing(TemplateRenderer(facts.chat_template, bos="", eos="")) as renderer:
        for messages in (_CONVERSATION, _CONVERSATION[1:]):  # some templates refuse a system prompt
            with suppress(LocalqwqError):
                return "".join(renderer.render(messages, []))
    return None


def _asked(template: str | None, tool_template: str | None) -> TemplateTraits | str:
    """Return what the templates support, or what is wrong with one of them."""
    usual = template or tool_template
    if usual is None:
        return f"The model has no chat template; give one {REMEDY}."
    renderer = TemplateRenderer(usual, bos="", eos="", tool_template=tool_template)
    try:
        with closing(renderer):
            for tools in (False, True):
                traits = renderer.traits(tools=tools)
                if traits.problem is not None:
                    return does_not_work(traits.problem)
    except LocalqwqError as error:
        return str(error)
    return traits


def built_in_templates() -> dict[str, Path]:
    """Return the names of the built-in templates, and the files that they are in."""
    files = {path.stem: path for path in sorted(templates_directory().glob("*.jinja"))}
    return {"qwq": demo_checkpoint() / "tokenizer_config.json", **files}


def _of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST * 16 + 1)  # a tokenizer_config.json has many other entries
        text = data.decode("utf-8")
        if path.suffix == ".json":
            text = _usual(json.loads(text)["chat_template"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise LocalqwqError(f"{path} is not a readable chat template.") from None
    if not isinstance(text, str):
        raise LocalqwqError(f"{path} has no text as its chat_template.")
    if not text.strip():
        raise LocalqwqError(f"{path} is empty, and no chat template.")
    if len(text.encode()) > _LARGEST:
        raise LocalqwqError(
            f"{path} is not a chat template: those have at most {_LARGEST:,} bytes."
        )
    return text


def _usual(template: Any) -> Any:
    """Return the usual one of several templates, as some checkpoints list them by name."""
    if not isinstance(template, list):
        return template
    named = {one.get("name"): one.get("template") for one in template if isinstance(one, dict)}
    return named.get("default")
