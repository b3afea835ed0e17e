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
from localqwq.packs.catalogue import REPOSITORY, Entry, Origin, entries, named, similar
from localqwq.packs.download.addresses import Address, check
from localqwq.packs.manifest import MANIFEST_NAME
from localqwq.packs.sources.file_names import model_of, quant_of
from localqwq.packs.sources.hub_names import NamedOnHub, hub_prefix, named_on_hub
from localqwq.packs.sources.hugging_face import HuggingFace
from localqwq.packs.sources.listing import UNNAMED, Source
from localqwq.packs.sources.model_scope import ModelScope
from localqwq.packs.sources.web_and_folder import Folder, Web
from localqwq.packs.store.incoming import pack_name

_ORIGINS = ("huggingface", "modelscope")


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
    revision: str | None = None
    """What was asked for beside ``spec``."""
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
    found = named(spec)
    if found is None:
        raise _unknown(spec)
    entry, quant = found
    places, anywhere = _places(entry, origin, revision)
    return Wish(spec, entry.name, _quant(quant), entry, tuple(places), anywhere=anywhere)


def _direct(spec: str, revision: str | None) -> Wish | None:
    """A wish that says itself where it is to come from."""
    on_hub = named_on_hub(spec, _mirror())
    if on_hub is not None:
        return _of_hub(spec, on_hub, revision)
    if spec.startswith(("http://", "https://")):
        return _of_url(spec)
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
        return path if path.exists() and (os.sep in spec or named(spec) is None) else None
    except (OSError, RuntimeError, ValueError):  # too long, no such user, letters that no name has
        return None


def _of_hub(spec: str, on_hub: NamedOnHub, revision: str | None) -> Wish:
    place = _repository(on_hub.hub, on_hub.repository, revision or on_hub.revision)
    usual_name = _repository_name(on_hub.repository)
    quant = _quant(on_hub.quant)
    if on_hub.path is not None and not on_hub.path.lower().endswith(".gguf"):
        folder = f"{on_hub.path.strip('/')}/"
        place = Place(place.source, lambda path: path.startswith(folder))
    elif on_hub.path is not None:
        wanted = _stem(on_hub.path)
        place = Place(place.source, lambda path: _stem(path) == wanted)
        quant = quant_of(on_hub.path)
        if model_of(on_hub.path) not in (model_of(usual_name), "model", "ggml-model"):
            # One of several models there: the repository's name would be that of all of them.
            usual_name = pack_name(wanted.rpartition("/")[2], quant or UNNAMED)
    return _elsewhere(spec, usual_name, quant, place)


def _mirror() -> str:
    """Return the host that is Hugging Face for its own client."""
    return urlsplit(os.environ.get("HF_ENDPOINT", "")).netloc


def _of_url(url: str) -> Wish:
    address = Address.of(url)
    check(address, address)
    path = unquote(urlsplit(url).path)
    name = None
    if path.lower().endswith(".gguf"):
        stem = _stem(path).rpartition("/")[2]
        name = pack_name(stem, quant_of(path) or UNNAMED)
    return _elsewhere(url, name, None, Place(Web(url)))


def _elsewhere(spec: str, usual_name: str | None, quant: str | None, place: Place) -> Wish:
    """Return a wish for what one place has, whatever the catalogue knows."""
    return Wish(spec, None, quant, None, (place,), usual_name, anywhere=False)


def _places(entry: Entry, origin: str | None, revision: str | None) -> tuple[list[Place], bool]:
    if origin is None or origin in _ORIGINS:
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
    return part[0] if part else path[: -len(".gguf")]


def _quant(text: str | None) -> str | None:
    if not text:
        return None
    quant = text.upper().replace("-", "_")
    return {"FP16": "F16", "FP32": "F32"}.get(quant, quant)


def _unknown(spec: str) -> LocalqwqError:
    if re.fullmatch(rf"{REPOSITORY}(?::.*)?", spec, re.ASCII):
        return LocalqwqError(
            f"There is no folder {spec} here; for a repository on Hugging Face write hf:{spec}."
        )
    scheme = hub_prefix(spec)
    if scheme is not None:
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
