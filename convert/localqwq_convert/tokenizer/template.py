"""The chat templates of a checkpoint, from the places where they can stand."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.json_file import optional_object
from localqwq_convert.tokenizer.vocabulary import check_text

DEFAULT = "default"
"""Name of the template that is used where none is asked for."""


def read_chat_templates(directory: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """The templates by name, from the first place that has any, in llama.cpp's order.

    ``tokenizer_config.json`` may have one or a list of named ones; ``chat_template.jinja`` holds
    one, with named ones in ``additional_chat_templates/``; ``chat_template.json`` is as the first.

    Args:
        directory: of the checkpoint.
        settings: content of its ``tokenizer_config.json``.

    Raises:
        LocalqwqError: a template cannot be read.
    """
    value = settings.get("chat_template")
    jinja = directory / "chat_template.jinja"
    if value is None and jinja.is_file():
        further = sorted((directory / "additional_chat_templates").glob("*.jinja"))
        templates = {_name(file.stem): _read(file) for file in further}
        templates[DEFAULT] = _read(jinja)
    else:
        if value is None:
            value = optional_object(directory / "chat_template.json").get("chat_template")
        templates = _listed(value)
    check_text(directory, templates.values())
    return templates


def _listed(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        return {DEFAULT: value}
    templates = {}
    for choice in value if isinstance(value, list) else []:
        match choice:
            case {"name": str(name), "template": str(template)} if name:
                templates[_name(name)] = template
    return templates


def _name(name: str) -> str:
    """A template's name as it may stand in a key of a GGUF."""
    return re.sub(r"[^A-Za-z0-9]", "_", name)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LocalqwqError(f"Cannot read {path}: download it again.") from error
