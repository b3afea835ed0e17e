"""The initial settings file: everything explained, nothing set."""

import json
import textwrap
from collections.abc import Iterator

from localqwq.settings.describe import Group, Setting, groups

_WIDTH = 96
_HEAD = """\
# localqwq's settings. Remove the # from a line to set it; anything not set stays as the
# model's makers recommend. The app applies changes while it runs.
"""


def commented_settings() -> str:
    """Return all settings as commented TOML, with their help."""
    return "\n".join([_HEAD, *(text for group in groups() for text in _group(group))])


def _group(group: Group) -> Iterator[str]:
    """Yield the lines of a section; entries that people name come last, as an example."""
    if group.name and group.settings[0].kind != "list":
        yield f"[{group.name}]"
    if group.name:
        yield from _comment(group.help)
        yield ""
    for setting in group.settings:
        if setting.kind == "list":
            yield from _entry(f"[[{setting.key}]]", setting)
        elif setting.parts:
            yield from _comment(setting.help)
            yield from _entry(f"[{setting.key}.mine]", setting)
        elif setting.kind != "table":
            yield from _comment(setting.help)
            yield f"# {_assignment(setting)}"
            yield ""


def _entry(header: str, setting: Setting) -> Iterator[str]:
    yield f"# {header}"
    for part in setting.parts:
        yield from _comment(part.help, "#   # ")
        yield f"#   {_assignment(part)}"
    yield ""


def _assignment(setting: Setting) -> str:
    value = setting.default if setting.default is not None else setting.example
    if value is None:
        value = False if setting.kind == "switch" else ""
    # JSON's booleans, numbers and escaped texts are valid TOML.
    return f"{setting.key.rpartition('.')[2]} = {json.dumps(value, ensure_ascii=False)}"


def _comment(text: str, prefix: str = "# ") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=prefix, subsequent_indent=prefix)
