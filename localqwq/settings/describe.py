"""Descriptions of all settings, for screens and files, from the schema and its docstrings."""

import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from localqwq.field_docs import field_docs
from localqwq.settings import sections
from localqwq.settings.schema import Settings

Kind = Literal["text", "paragraph", "number", "whole number", "switch", "choice", "table", "list"]
_PARAGRAPHS = {"prompts.system", "system", "prompt"}
"""Settings with several lines of text."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    key: str
    """Its path in the schema and in the file, such as ``sampling.top_p``."""
    title: str
    help: str
    kind: Kind
    """``table`` for named entries, ``list`` for a sequence of entries."""
    optional: bool
    """Whether it may be empty, which leaves the choice to something else."""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    default: Any = None
    example: Any = None
    """An example value for an empty default."""
    parts: tuple["Setting", ...] = ()
    """The fields of each entry of a table or list; empty for texts by name."""

    @property
    def wanted(self) -> str:
        """The required kind of value, as the end of "must be …"."""
        match self.kind:
            case "choice":
                return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
            case "switch":
                return "true or false"
            case "number" | "whole number":
                return f"a {self.kind}{self._range()}"
            case "table":
                return "a table of named entries"
            case "list":
                return "a list of entries"
        return "text"

    def _range(self) -> str:
        low, high = self.low, self.high
        if low is not None and high is not None and high < 2**31 - 1:
            return f" from {low:,g} to {high:,g}"
        return "" if low is None else f" of {low:,g} or more"


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that are shown and written together."""

    name: str
    """Its key in the schema; empty for the top level."""
    title: str
    help: str
    settings: tuple[Setting, ...]


@cache
def groups() -> tuple[Group, ...]:
    """Return all settings, in the schema's order; those without a section first."""
    schema = Settings.model_json_schema()
    top: list[Setting] = []
    sections: list[Group] = []
    for setting in _settings(Settings, schema, schema["$defs"], ""):
        model = Settings.model_fields[setting.key].annotation
        if inspect.isclass(model) and issubclass(model, BaseModel):
            settings = _settings(
                model, schema["$defs"][model.__name__], schema["$defs"], f"{setting.key}."
            )
            help_ = _one_line(model.__doc__ or "")
            sections.append(Group(setting.key, setting.title, help_, settings))
        elif setting.kind in ("table", "list"):
            sections.append(Group(setting.key, setting.title, setting.help, (setting,)))
        else:
            top.append(setting)
    return (Group("", "Model", "What to chat with.", tuple(top)), *sections)


@cache
def settings() -> dict[str, Setting]:
    """Return all settings by key."""
    return {setting.key: setting for group in groups() for setting in group.settings}


def _settings(
    model: type[BaseModel], schema: dict[str, Any], parts: dict[str, Any], prefix: str
) -> tuple[Setting, ...]:
    helps = field_docs(model)
    return tuple(
        _setting(model, prefix, name, helps.get(name, ""), described, parts)
        for name, described in schema["properties"].items()
    )


def _setting(
    model: type[BaseModel],
    prefix: str,
    name: str,
    help_: str,
    described: dict[str, Any],
    parts: dict[str, Any],
) -> Setting:
    field = model.model_fields[name]
    forms = described.get("anyOf", [described])
    form = next(form for form in forms if form.get("type") != "null")
    kind = _kind(prefix + name, form)
    entry = form.get("additionalProperties") or form.get("items") or {}
    reference = entry.get("$ref", "").rpartition("/")[2]
    return Setting(
        key=prefix + name,
        title=field.title or name.replace("_", " ").capitalize(),
        help=help_,
        kind=kind,
        optional=len(forms) > 1,
        choices=tuple(form.get("enum", ())),
        low=form.get("minimum"),
        high=form.get("maximum"),
        default=None if field.is_required() else field.get_default(call_default_factory=True),
        example=next(iter(field.examples or ()), None),
        parts=_settings(_entry_model(reference), parts[reference], parts, "") if reference else (),
    )


def _kind(key: str, form: dict[str, Any]) -> Kind:
    if "enum" in form:
        return "choice"
    kinds: dict[str, Kind] = {
        "boolean": "switch",
        "integer": "whole number",
        "number": "number",
        "array": "list",
        "object": "table",
    }
    return kinds.get(form.get("type", "object"), "paragraph" if key in _PARAGRAPHS else "text")


def _entry_model(name: str) -> type[BaseModel]:
    found: type[BaseModel] = getattr(sections, name)
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
