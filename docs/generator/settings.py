"""The reference of the settings, read from their schema."""

import json
from collections.abc import Iterator

from docs.generator.markdown import MADE, code, page, table
from localqwq.settings.describe import Group, Setting, groups
from localqwq.settings.schema import is_overridable

_INTRODUCTION = """\
# Settings

F2 in the app edits them; they are one TOML file, `settings.toml` in the configuration directory
(`LOCALQWQ_CONFIG_DIR` moves it). It is read again while the app runs, and your comments in it stay.
Settings marked † can be different in one conversation (`/own_settings` in the app).
"""


def settings_page() -> str:
    """Return the page."""
    return page(MADE, _INTRODUCTION, *(part for group in groups() for part in _group(group)))


def _group(group: Group) -> Iterator[str]:
    yield f"## {group.title}"
    yield group.help
    rows = [one for one in group.settings if not (one.kind == "list" and one.parts)]
    if rows:
        yield _table(rows)
    for setting in group.settings:
        if setting.parts:
            entry = f"[[{setting.key}]]" if setting.kind == "list" else f"[{setting.key}.NAME]"
            yield f"Each `{entry}` has:"
            yield _table(setting.parts)


def _table(settings: "list[Setting] | tuple[Setting, ...]") -> str:
    return table(
        ("setting", "value", "default", "meaning"),
        ((_name(one), _value(one), _default(one), one.help) for one in settings),
    )


def _name(setting: Setting) -> str:
    return code(setting.key) + (" †" if is_overridable(setting.key) else "")


def _value(setting: Setting) -> str:
    if setting.kind == "choice":
        return ", ".join(map(code, setting.choices))
    return setting.wanted


def _default(setting: Setting) -> str:
    if setting.default in (None, "", {}, []):
        return ""
    return code(json.dumps(setting.default, ensure_ascii=False))
