"""``localqwq conversations``: list, search and back up conversations."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.visible import one_line

if TYPE_CHECKING:
    from localqwq.conversations.reading import Summary
    from localqwq.conversations.search import Hit


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "conversations",
        help="list, search and back up conversations",
        description="List conversations, or search titles, prompts, answers and thoughts for all "
        "the words given. `localqwq chat --resume ID` opens one. `localqwq conversations backup "
        "FILE` copies all of them to a new file, even while the app is open. (To search for the "
        'word backup and another word, quote them: "backup plan".)',
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="words to search for, or backup FILE"
    )
    parser.add_argument(
        "--limit",
        type=types.whole(1),
        default=50,
        metavar="N",
        help="maximum number of results (default: 50)",
    )
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)


def run(arguments: argparse.Namespace) -> int:
    """Print the list or the search results."""
    from localqwq.conversations.store import Store
    from localqwq.locations import conversations_file

    limit = max(0, arguments.limit)
    match arguments.words:
        case ["backup", file]:
            return _back_up(Path(file), arguments.json)
    with Store(conversations_file()) as store:
        if arguments.words:
            hits = store.search(" ".join(arguments.words), limit)
            print(_hits_as_json(hits) if arguments.json else _hits(hits))
        else:
            summaries = store.newest(limit)
            print(_summaries_as_json(summaries) if arguments.json else _summaries(summaries))
    return 0


def _back_up(target: Path, as_json: bool) -> int:
    from localqwq.conversations.backups import back_up
    from localqwq.conversations.store import Store
    from localqwq.locations import conversations_file

    with Store(conversations_file()) as store:
        back_up(store, target)
    size = target.stat().st_size
    if as_json:
        print(json.dumps({"path": str(target.absolute()), "bytes": size}))
    else:
        print(f"{target} holds all conversations ({size / (1 << 20):,.1f} MiB)")
    return 0


def _summaries(summaries: list[Summary]) -> str:
    if not summaries:
        return "There are no conversations yet: start one with `localqwq`."
    return "\n".join(
        _line(summary.id, summary.updated, f"{'* ' if summary.pinned else ''}{summary.title}")
        for summary in summaries
    )


def _hits(hits: list[Hit]) -> str:
    if not hits:
        return "Nothing was found."
    from localqwq.conversations.query import pieces

    lines: list[str] = []
    shown = None
    for hit in hits:
        if hit.conversation != shown:
            lines.append(_line(hit.conversation, hit.updated, hit.title))
            shown = hit.conversation
        if hit.turn is not None:
            marked = "".join(f"[{part}]" if found else part for part, found in pieces(hit.snippet))
            lines.append(f"{'':8}{hit.place}: {one_line(marked)}")
    return "\n".join(lines)


def _line(number: int, updated: float, title: str) -> str:
    when = datetime.fromtimestamp(updated).strftime("%Y-%m-%d %H:%M")
    return f"{number:>6}  {when}  {one_line(title)}"


def _summaries_as_json(summaries: list[Summary]) -> str:
    entries = [
        {
            "id": summary.id,
            "title": summary.title,
            "updated": summary.updated,
            "pinned": summary.pinned,
            "model": summary.model,
        }
        for summary in summaries
    ]
    return json.dumps({"conversations": entries}, indent=2, ensure_ascii=False)


def _hits_as_json(hits: list[Hit]) -> str:
    from localqwq.conversations.query import pieces

    entries = [
        {
            "conversation": hit.conversation,
            "title": hit.title,
            "updated": hit.updated,
            "turn": hit.turn,
            "place": hit.place,
            "snippet": [{"text": part, "found": found} for part, found in pieces(hit.snippet)],
        }
        for hit in hits
    ]
    return json.dumps({"hits": entries}, indent=2, ensure_ascii=False)
