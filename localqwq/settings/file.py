"""The settings file, which people edit and the app changes with care."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import threading
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localqwq.durable import sync
from localqwq.errors import LocalqwqError
from localqwq.settings.line_ends import normalized, with_ends_of

if TYPE_CHECKING:
    from localqwq.settings.schema import Settings

_Stamp = tuple[int, int, int]


class SettingsFile:
    """``settings.toml``. It need not exist; errors in it produce only a message."""

    def __init__(self, path: Path, *, patient: bool = False) -> None:
        """Set up; nothing is read yet.

        ``patient``: changes that cannot be written take effect all the same, until ``retry`` writes
        them.
        """
        self.path = path
        self.trouble = ""
        """Why some changes are not written yet, in one sentence; empty if all are."""
        self._patient = patient
        self._waiting: dict[str, object] = {}
        self._lock = threading.Lock()
        self.problem = ""
        """What was wrong with the file when it was last read, in one sentence; empty for
        nothing.
        """
        self._stamp: _Stamp | None = None
        self._raw = ""
        """The file's content when it was last read, with its line ends."""

    def read(self) -> Settings:
        """Return the settings in the file, with defaults for missing or invalid ones."""
        from localqwq.settings.schema import Settings

        self.problem = ""
        tree = self._tree()
        if not tree:
            return Settings.model_construct()  # which need not be checked
        from localqwq.settings.repair import repaired, unknown

        found = repaired(Settings, tree)
        problems = [*found.problems, *unknown(found.read)]
        if problems:
            more = f" ({len(problems) - 1} more like this)" if len(problems) > 1 else ""
            self.problem = f"{self.path}: {problems[0]}{more}; invalid values are ignored."
        return found.value

    def peek(self, key: str) -> Any:
        """Return the raw, unchecked value of a key, or None: for the first frame, which must not
        wait for the schema.
        """
        node: Any = self._tree()
        for name in key.split("."):
            node = node.get(name) if isinstance(node, dict) else None
        return node

    def is_changed(self) -> bool:
        """Return whether somebody else changed the file since it was last read or written here."""
        return _stamp(self.path) != self._stamp

    def change(self, key: str, value: object) -> Settings:
        """Set one value, such as ``sampling.top_p``; see :meth:`change_all`."""
        return self.change_all({key: value})

    def change_all(self, values: Mapping[str, object]) -> Settings:
        """Set these values in the file and return the settings; None removes a value.

        Everything else in the file is kept, including comments and line ends. Raises LocalqwqError,
        and changes nothing, if a value is invalid or the file cannot be read or written.
        """
        from localqwq.settings.values import checked

        for key, value in values.items():
            checked(key, value)
        with self._lock:
            text = self._text()
            new = self._with(text, {**self._waiting, **values})
            if new != text:
                try:
                    self._write(new)
                except OSError as error:
                    problem = f"{self.path} cannot be written ({error.strerror})"
                    if not self._patient:
                        raise LocalqwqError(f"{problem}: nothing was changed.") from None
                    self._waiting |= values
                    self.trouble = (
                        f"{problem}. The changes are in effect and will be written later."
                    )
                    return self.read()
            self._waiting.clear()
            self.trouble = ""
        return self.read()

    def retry(self) -> None:
        """Try to write pending changes."""
        if self._waiting:
            with contextlib.suppress(LocalqwqError):  # it waits on
                self.change_all({})

    def left(self) -> str:
        """Return a sentence about unwritten changes; empty if there are none."""
        if not self._waiting:
            return ""
        values = ", ".join(f"{key} = {value!r}" for key, value in self._waiting.items())
        return f"{self.path} could not be written; it lacks {values}."

    def _with(self, text: str | None, values: Mapping[str, object]) -> str:
        """Return the file's text with these values; raises LocalqwqError if they cannot be set."""
        from localqwq.settings.document import changed
        from localqwq.settings.template import commented_settings
        from localqwq.settings.values import plain

        if text is None:
            text = commented_settings()
        try:
            new = changed(text, {key: plain(value) for key, value in values.items()})
        except (ValueError, RecursionError) as error:
            raise LocalqwqError(
                f"{self.path} is not valid TOML ({_first_line(error)}): correct it first, so that "
                "nothing in it is lost."
            ) from None
        if new is None:
            raise LocalqwqError(
                f"{', '.join(values)} cannot be changed in {self.path} because of the way it is "
                "written there: change it by hand."
            )
        return new

    def _tree(self) -> dict[str, Any]:
        """Return the file's content; empty, with a sentence in ``problem``, if it cannot be
        read.
        """
        try:
            text = self._text()
            if self._waiting:
                text = self._with(text, self._waiting)
            return tomllib.loads(text or "")
        except LocalqwqError as error:
            self.problem = str(error)
        except (ValueError, RecursionError) as error:
            self.problem = (
                f"{self.path} is not valid TOML ({_first_line(error)}): correct it; until then "
                "the defaults are used."
            )
        return {}

    def _text(self) -> str | None:
        """Return the file's text; None if there is no file."""
        try:
            with self.path.open("rb") as file:
                self._stamp = _of(os.fstat(file.fileno()))
                self._raw = file.read().decode()
            return normalized(self._raw)
        except FileNotFoundError:
            self._stamp, self._raw = None, ""
            return None
        except UnicodeDecodeError:
            raise LocalqwqError(
                f"{self.path} is not UTF-8 text: save it as UTF-8; until then the defaults are "
                "used."
            ) from None
        except OSError as error:
            raise LocalqwqError(
                f"{self.path} cannot be read ({error.strerror}): the defaults are used."
            ) from None

    def _write(self, text: str) -> None:
        """Replace the file atomically, keeping a link and the file's permissions.

        Raises OSError.
        """
        target = self.path.resolve()
        temporary: Path | None = None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".settings-", dir=target.parent)
            temporary = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(with_ends_of(self._raw, text))
                file.flush()
                sync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            temporary.replace(target)
        except OSError:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            raise


def _stamp(path: Path) -> _Stamp | None:
    """Return something that changes with the file; None if there is none."""
    try:
        return _of(path.stat())
    except OSError:
        return None


def _of(status: os.stat_result) -> _Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _first_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "brackets nested too deeply"
    return str(error).partition("\n")[0]
