"""The ways people name something on a hub: prefixes, addresses of pages and of files.

Works without the network: finds the hub, repository, revision and file that a text names.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from localqwq.packs.catalogue import REPOSITORY, HubName

_PREFIXES: dict[str, HubName] = {
    "hf": "huggingface",
    "huggingface": "huggingface",
    "ms": "modelscope",
    "modelscope": "modelscope",
}
_HOSTS: dict[str, HubName] = {
    "huggingface.co": "huggingface",
    "hf.co": "huggingface",
    "modelscope.cn": "modelscope",
    "modelscope.ai": "modelscope",
}
_REPOSITORY = re.compile(REPOSITORY, re.ASCII)
_QUANT = re.compile(r"[A-Za-z][\w-]{1,31}", re.ASCII)
_REVISION = re.compile(r"[\w][\w./-]{0,199}", re.ASCII)
_PAGES = ("tree", "blob", "resolve", "raw", "edit", "commit", "blame")
"""Words in Hugging Face's addresses that precede a revision."""
_NO_OWNERS = ("datasets", "spaces", "collections", "papers", "docs", "blog")
"""Words in the place of an owner in addresses that are not models."""


@dataclass(frozen=True, slots=True)
class NamedOnHub:
    """A repository on a hub, and the part of it that is meant."""

    hub: HubName
    repository: str
    """Owner and name."""
    revision: str | None = None
    """A branch, a tag or a commit."""
    path: str | None = None
    """A file or a folder in the repository."""
    quant: str | None = None
    """A quantization as written."""


def hub_prefix(text: str) -> str | None:
    """Return the hub prefix that a text begins with, such as ``hf``."""
    prefix, colon, _ = text.partition(":")
    return prefix if colon and prefix.lower() in _PREFIXES else None


def is_hub_address(text: str) -> bool:
    """Return whether a text is an address on a hub, whatever it names there."""
    host = text.partition("://")[2].partition("/")[0].lower().removeprefix("www.")
    return host in _HOSTS


def named_on_hub(text: str, mirror: str = "") -> NamedOnHub | None:
    """Return what a text names on a hub; None if it is not such a name.

    Accepts ``hf:o/r``, ``hf:o/r:QUANT``, ``hf:o/r@REVISION``, ``hf:o/r/FILE.gguf`` and the same
    after ``hf://``, ``ms:``, ``hf.co/`` and so on, and the addresses of the hubs' own pages.

    Args:
        text: a name or an address as a person wrote it.
        mirror: the host of another Hugging Face, such as ``HF_ENDPOINT`` names.
    """
    prefix = hub_prefix(text)
    if prefix is not None:
        rest = text[len(prefix) + 1 :].removeprefix("//")
        return _short(_PREFIXES[prefix.lower()], rest)
    scheme, found, rest = text.partition("://")
    if found and scheme.lower() not in ("https", "http"):
        return None
    address = rest if found else text
    host, _, path = address.partition("/")
    host = host.lower().removeprefix("www.")
    if mirror and host == mirror.lower():  # this host may have files of other kinds, too
        words = [word for word in path.partition("?")[0].split("/") if word]
        is_page = len(words) == 2 or (len(words) > 3 and words[2] in _PAGES)
        return _page("huggingface", path) if is_page else None
    hub = _HOSTS.get(host)
    if hub is None:
        return None
    return _page(hub, path) or _short(hub, path.partition("?")[0].partition("#")[0])


def _short(hub: HubName, text: str) -> NamedOnHub | None:
    """Return what a repository, followed by a quantization, a revision or a file, names."""
    text = text.rstrip("/")
    owner, _, rest = text.partition("/")
    end = min((at for mark in "/:@" if (at := rest.find(mark)) >= 0), default=len(rest))
    repository, rest = f"{owner}/{rest[:end]}", rest[end:]
    if not _REPOSITORY.fullmatch(repository):
        return None
    revision = path = quant = None
    if rest.startswith("@"):
        # Of revisions, only refs/pr/1 contains slashes; a file may follow it.
        match = re.match(r"@(refs/[\w-]+/[\w.-]+|[\w.%-]+)", rest, re.ASCII)
        if match is None:
            return None
        revision, rest = unquote(match[1]), rest[match.end() :]
    if rest.startswith("/"):
        path, rest = unquote(rest[1:]), ""
    if rest.startswith(":"):
        quant, marked, late = rest[1:].partition("@")
        revision = late if marked else revision
        if not _QUANT.fullmatch(quant):
            return None
        quant = None if quant.lower() == "latest" else quant
    elif rest:
        return None
    return _checked(hub, repository, revision, path, quant)


def _page(hub: HubName, target: str) -> NamedOnHub | None:
    """Return what the path and the query of a page's address name."""
    parts = urlsplit(f"https://host/{target}")
    words = [word for word in parts.path.split("/") if word]
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    if hub == "modelscope":
        return _modelscope_page(words, query)
    repository = "/".join(words[:2])
    if len(words) < 2 or not _REPOSITORY.fullmatch(repository):
        return None
    if len(words) > 3 and words[2] in _PAGES:
        if words[3] == "refs" and len(words) > 5:  # refs/pr/1, unquoted by someone
            return _checked(hub, repository, "/".join(words[3:6]), unquote("/".join(words[6:])))
        return _checked(hub, repository, unquote(words[3]), unquote("/".join(words[4:])))
    if len(words) > 2 and words[-1].lower().endswith(".gguf"):
        return None  # a file without a revision: the short form
    return _checked(hub, repository, None, query.get("show_file_info", ""))


def _modelscope_page(words: list[str], query: dict[str, str]) -> NamedOnHub | None:
    if words[:2] == ["api", "v1"]:
        words = words[2:]
    if words[:1] != ["models"] or len(words) < 3:
        return None
    repository, rest = "/".join(words[1:3]), words[3:]
    match rest:
        case ["resolve", revision, *path] | ["file", "view", revision, *path]:
            return _checked("modelscope", repository, unquote(revision), unquote("/".join(path)))
        case _:
            path_there = query.get("FilePath", "")
            return _checked("modelscope", repository, query.get("Revision"), path_there)


def _checked(
    hub: HubName,
    repository: str,
    revision: str | None,
    path: str | None,
    quant: str | None = None,
) -> NamedOnHub | None:
    """Return a name whose parts are valid on a hub; None for any other."""
    if not _REPOSITORY.fullmatch(repository) or repository.split("/")[0] in _NO_OWNERS:
        return None
    if revision is not None and not _REVISION.fullmatch(revision):
        return None
    return NamedOnHub(hub, repository, revision, path or None, quant)
