"""The chat templates of a checkpoint, wherever they are stored."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.json_file import optional_object
from localqwq_convert.notes import Note, silent
from localqwq_convert.tokenizer.vocabulary import check_text

DEFAULT = "default"
"""Name of the default template."""


def read_chat_templates(
    directory: Path, settings: Mapping[str, Any], note: Note = silent
) -> dict[str, str]:
    """Return the templates by name, from the first place that has any, in Transformers' order.

    ``chat_template.jinja`` has one, with named ones in ``additional_chat_templates/``;
    ``tokenizer_config.json`` may have one or a list of named ones, as written by older versions and
    kept by newer ones; so may ``chat_template.json``.

    Args:
        directory: the checkpoint's directory.
        settings: content of its ``tokenizer_config.json``.
        note: told if two places have different templates.

    Raises:
        LocalqwqError: a template cannot be read.
    """
    listed = _listed(settings.get("chat_template"))
    jinja = directory / "chat_template.jinja"
    if jinja.is_file():
        further = sorted((directory / "additional_chat_templates").glob("*.jinja"))
        templates = {_name(file.stem): _read(file) for file in further}
        templates[DEFAULT] = _read(jinja)
        if listed and listed != templates:
            note(
                f"{directory} has one chat template in chat_template.jinja and another one in "
                "tokenizer_config.json: the first is used, as Transformers does."
            )
    else:
        templates = listed or _listed(
            optional_object(directory / "chat_template.json").get("chat_template")
        )
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
    """Return a template's name as allowed in a key of a GGUF."""
    return re.sub(r"[^A-Za-z0-9]", "_", name)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LocalqwqError(f"Cannot read {path}: download it again.") from error
