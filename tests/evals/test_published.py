"""Problems in files, in a folder or from a server."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.evals.published import DataFile, located, problems

CONTENT = b'{"prompt": "What is 1 + 1?", "answer": 2}\n'


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves one file."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "some.jsonl").write_bytes(CONTENT)

    handler = partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def data_file(base: str, content: bytes = CONTENT) -> DataFile:
    """What is known of the file."""
    return DataFile("some.jsonl", hashlib.sha256(content).hexdigest(), "Apache-2.0", base)


def test_it_is_fetched_once_and_when_asked(tmp_path: Path, server: str) -> None:
    """Without --fetch the sentence says where it comes from, under which licence."""
    cache, file = tmp_path / "cache", data_file(server)
    with pytest.raises(
        LocalqwqError, match=r"--fetch gets them from .*some\.jsonl \(Apache-2\.0\)"
    ):
        located(file, cache, None, fetch=False)
    path = located(file, cache, None, fetch=True)
    assert path.read_bytes() == CONTENT
    assert [found.name for found in cache.iterdir()] == ["some.jsonl"]
    unreachable = data_file("http://127.0.0.1:1")
    assert located(unreachable, cache, None, fetch=False) == path


def test_what_cannot_be_fetched(tmp_path: Path, server: str) -> None:
    """Nothing is left behind."""
    cache = tmp_path / "cache"
    with pytest.raises(LocalqwqError, match=r"some\.jsonl could not be fetched"):
        located(data_file("http://127.0.0.1:1"), cache, None, fetch=True)
    with pytest.raises(LocalqwqError, match="SHA-256 differs"):
        located(data_file(server, b"other"), cache, None, fetch=True)
    assert not cache.exists()


def test_a_folder(tmp_path: Path) -> None:
    """It is checked as well, and nothing is fetched beside it."""
    file = data_file("http://127.0.0.1:1")
    with pytest.raises(LocalqwqError, match=r"has no some\.jsonl"):
        located(file, tmp_path / "cache", tmp_path, fetch=True)
    (tmp_path / "some.jsonl").write_bytes(CONTENT)
    assert located(file, tmp_path / "cache", tmp_path, fetch=False) == tmp_path / "some.jsonl"
    (tmp_path / "some.jsonl").write_bytes(CONTENT + b" ")
    with pytest.raises(LocalqwqError, match="SHA-256 differs"):
        located(file, tmp_path / "cache", tmp_path, fetch=False)


def test_kinds_of_problems(tmp_path: Path) -> None:
    """By their answers."""
    path = tmp_path / "mine.jsonl"
    answers: list[object] = [204, "025", "C", r"\\sqrt{2}", "1/2"]
    lines = [json.dumps({"prompt": "?", "answer": answer}) for answer in answers]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    found = list(problems(path))
    kinds = ["integer", "integer", "choice", "expression", "integer"]
    assert [problem.kind for problem in found] == kinds
    assert len({problem.id for problem in found}) == 5


@pytest.mark.parametrize("text", ["hello", "[]", '{"prompt": "?"}', '{"answer": 1}', "1"])
def test_what_is_no_problem(tmp_path: Path, text: str) -> None:
    """The sentence names the line."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(CONTENT + text.encode())
    with pytest.raises(LocalqwqError, match="line 2: not a problem"):
        list(problems(path))


def test_no_problems(tmp_path: Path) -> None:
    """An empty file is not evaluated as if everything were right."""
    path = tmp_path / "mine.jsonl"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(LocalqwqError, match="no problems"):
        list(problems(path))
