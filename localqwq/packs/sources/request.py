"""What ``pull`` was asked for, and where it can come from."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from localqwq.errors import LocalqwqError
from localqwq.gguf.split import parse_part_name
from localqwq.locations import expanded
from localqwq.packs.catalogue import REPOSITORY, Entry, Origin, entries, find, similar
from localqwq.packs.download.addresses import Address, check
from localqwq.packs.manifest import MANIFEST_NAME
from localqwq.packs.sources.hugging_face import HuggingFace
from localqwq.packs.sources.listing import UNNAMED, Source, quant_of
from localqwq.packs.sources.model_scope import ModelScope
from localqwq.packs.sources.web_and_folder import Folder, Web
from localqwq.packs.store.incoming import pack_name

_HUBS = {
    "hf": "huggingface",
    "huggingface": "huggingface",
    "ms": "modelscope",
    "modelscope": "modelscope",
}
_SPEC = re.compile(rf"(\w+):({REPOSITORY})(?::([A-Za-z][\w-]{{1,31}}))?", re.ASCII)
_HUB_FILE = re.compile(rf"/({REPOSITORY})(?:/(?:resolve|blob)/([\w.-]+)/(.+\.gguf))?/?", re.ASCII)
_HUB_HOSTS = ("huggingface.co", "hf.co")


@dataclass(frozen=True, slots=True)
class Place:
    """A source, and which of its files are meant."""

    source: Source
    matches: Callable[[str], bool] = field(default=lambda path: True, repr=False)

    def wanted(self, path: str) -> bool:
        """Whether a path in the source is of interest."""
        return path == MANIFEST_NAME or (path.lower().endswith(".gguf") and self.matches(path))


@dataclass(frozen=True, slots=True)
class Wish:
    """A model, as far as its name says what is meant."""

    spec: str
    """As it was written."""
    name: str | None
    """What the pack is to be called; None: as it calls itself, or ``usual_name``."""
    quant: str | None
    """``None``: whatever suits this machine."""
    entry: Entry | None
    """What the catalogue knows of it."""
    places: tuple[Place, ...]
    """Where it can come from, the best first."""
    usual_name: str | None = None
    """What to call a pack that has no name of its own: what its repository or file is called."""
    anywhere: bool = True
    """Whether any of the places will do, and what is installed already."""

    def places_of(self, quant: str | None) -> list[Place]:
        """The places that may have a quantization."""
        return [
            place
            for place in self.places
            if quant is None or not isinstance(place, _Listed) or quant in place.origin.quants
        ] or list(self.places)


@dataclass(frozen=True, slots=True)
class _Listed(Place):
    """A place that the catalogue names."""

    origin: Origin = field(kw_only=True)


def understand(spec: str, origin: str | None = None, revision: str | None = None) -> Wish:
    """What a name on the command line means.

    Args:
        spec: ``name``, ``name:QUANT``, ``hf:owner/repo:QUANT``, ``ms:…``, a URL or a path.
        origin: ``huggingface``, ``modelscope``, a URL or a folder, to take a pack from there.
        revision: branch, tag or commit of the repository.

    Raises:
        LocalqwqError: it means nothing; the sentence says what would.
    """
    if origin is None:
        wish = _direct(spec, revision)
        if wish is not None:
            return wish
    name, _, quant = spec.partition(":")
    entry = find(name)
    if entry is None:
        raise _unknown(spec)
    places, anywhere = _places(entry, origin, revision)
    return Wish(spec, entry.name, _quant(quant), entry, tuple(places), anywhere=anywhere)


def _direct(spec: str, revision: str | None) -> Wish | None:
    """A wish that says itself where it is to come from."""
    if spec.startswith(("http://", "https://")):
        return _of_url(spec, revision)
    match = _SPEC.fullmatch(spec)
    if match and match[1].lower() in _HUBS:
        place = _repository(_HUBS[match[1].lower()], match[2], revision)
        return _elsewhere(spec, _repository_name(match[2]), _quant(match[3]), place)
    path = _path(spec)
    if path is not None:
        return _elsewhere(spec, None, None, Place(Folder(path)))
    if spec.startswith((".", "/", "~")):
        raise LocalqwqError(f"There is no file or folder {ascii(spec)[1:-1][:200]}.")
    return None


def _path(spec: str) -> Path | None:
    """The file or folder that is meant; a name of the catalogue means that, whatever is here."""
    try:
        path = expanded(spec)
        return path if path.exists() and (os.sep in spec or find(spec) is None) else None
    except (OSError, RuntimeError, ValueError):  # too long, no such user, letters that no name has
        return None


def _of_url(url: str, revision: str | None) -> Wish:
    address = Address.of(url)
    check(address, address)
    path = unquote(urlsplit(url).path)
    match = _HUB_FILE.fullmatch(path)
    if address.host in _HUB_HOSTS and match:
        place = _repository("huggingface", match[1], match[2] or revision)
        if match[3] is None:
            return _elsewhere(url, _repository_name(match[1]), None, place)
        wanted = _stem(match[3])
        place = Place(place.source, lambda path: _stem(path) == wanted)
        quant = quant_of(match[3])
        return _elsewhere(url, _repository_name(match[1]), quant, place)
    name = None
    if path.lower().endswith(".gguf"):
        stem = _stem(path).rpartition("/")[2]
        name = pack_name(stem, quant_of(path) or UNNAMED)
    return _elsewhere(url, name, None, Place(Web(url)))


def _elsewhere(spec: str, usual_name: str | None, quant: str | None, place: Place) -> Wish:
    """Return a wish for what one place has, whatever the catalogue knows."""
    return Wish(spec, None, quant, None, (place,), usual_name, anywhere=False)


def _places(entry: Entry, origin: str | None, revision: str | None) -> tuple[list[Place], bool]:
    if origin is None or origin in _HUBS.values():
        chosen = [one for one in entry.origins if origin in (None, one.hub)]
        if not chosen:
            raise LocalqwqError(f"The catalogue knows no place on {origin} that has {entry.name}.")
        places: list[Place] = [
            _Listed(_repository(one.hub, one.repository, revision).source, one.matches, origin=one)
            for one in chosen
        ]
        return places, origin is None and revision is None
    if origin.startswith(("http://", "https://")):
        check(Address.of(origin), Address.of(origin))
        return [Place(Web(origin))], False
    return [Place(Folder(expanded(origin)))], False


def _repository(hub: str, repository: str, revision: str | None) -> Place:
    if hub == "modelscope":
        return Place(ModelScope(repository, revision))
    return Place(HuggingFace(repository, revision))


def _repository_name(repository: str) -> str:
    name = repository.partition("/")[2]
    return pack_name(re.sub(r"[-._]gguf$", "", name, flags=re.IGNORECASE), UNNAMED)


def _stem(path: str) -> str:
    """A path without the number of a part."""
    part = parse_part_name(path)
    return part[0] if part else path.removesuffix(".gguf")


def _quant(text: str | None) -> str | None:
    return text.upper().replace("-", "_") if text else None


def _unknown(spec: str) -> LocalqwqError:
    if re.fullmatch(rf"{REPOSITORY}(?::.*)?", spec, re.ASCII):
        return LocalqwqError(
            f"There is no folder {spec} here; for a repository on Hugging Face write hf:{spec}."
        )
    scheme, colon, _ = spec.partition(":")
    if colon and scheme.lower() in _HUBS:
        return LocalqwqError(
            f"{ascii(spec)[1:-1][:80]} names no repository: write {scheme}:OWNER/REPOSITORY, or "
            f"{scheme}:OWNER/REPOSITORY:QUANT."
        )
    near = similar(spec)
    offer = (
        f"did you mean {near}?"
        if near
        else f"it has {', '.join(entry.name for entry in entries())}."
    )
    return LocalqwqError(
        f"The catalogue has no {ascii(spec)[1:-1][:80]}: {offer} hf:OWNER/REPOSITORY takes any "
        "repository of GGUF files."
    )
