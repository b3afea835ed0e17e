"""Measuring in a child process: the order that goes there, and the document that comes back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, TypeVar

from localqwq import children
from localqwq.errors import LocalqwqError

Answer = TypeVar("Answer")
_ERROR = "error: "


def measured(
    child: children.Child,
    order: Mapping[str, Any],
    read: Callable[[Any], Answer],
    time_limit: float,
) -> Answer | None:
    """Return what a child process has measured; ``None`` if it has not, whatever the reason.

    Only an estimate is missing then; a load reports what is wrong. ``read`` makes the answer of the
    child's document, or raises :class:`Malformed`; ``time_limit`` in seconds.
    """
    try:
        process = children.run(
            children.command(child, json.dumps(order)),
            timeout=time_limit,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},
        )
        process.check_returncode()
        return read(json.loads(process.stdout))
    except (subprocess.SubprocessError, ValueError):
        return None


def answer_order(measure: Callable[..., Mapping[str, Any]]) -> int:
    """Measure as ordered by the first argument and print the result: the child's end.

    Returns the exit status.
    """
    try:
        print(json.dumps(measure(**json.loads(sys.argv[1]))))
    except LocalqwqError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def reports(
    child: children.Child, order: Mapping[str, Any]
) -> Generator[dict[str, Any], None, None]:
    """Yield the documents that a child process prints while it works, one after the other.

    It ends with this generator.

    Raises:
        LocalqwqError: the child reported an error, or ended early; the sentence says how.
    """
    with (
        children.lifeline() as stdin,
        subprocess.Popen(
            children.command(child, json.dumps(order)),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},
            text=True,
            errors="replace",
            process_group=children.OWN_GROUP,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                yield json.loads(line)
            _, said = process.communicate()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise LocalqwqError(_reason(process.returncode, said))


def report_order(work: Callable[..., Iterator[Mapping[str, Any]]]) -> int:
    """Work as ordered by the first argument and print each document: the child's end.

    Returns the exit status.
    """
    try:
        for document in work(**json.loads(sys.argv[1])):
            print(json.dumps(document), flush=True)
    except LocalqwqError as error:
        print(f"{_ERROR}{error}", file=sys.stderr)
        return 1
    return 0


def _reason(code: int, said: str) -> str:
    for line in said.splitlines():
        if line.startswith(_ERROR):
            return line.removeprefix(_ERROR)
    how = f"signal {-code}" if code < 0 else f"status {code}"
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
    return f"The measuring process ended ({how}{f': {last}' if last else ''})."
