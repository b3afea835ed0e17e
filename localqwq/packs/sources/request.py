"""What ``pull`` was asked for, and where to get it."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from localqwq.errors import LocalqwqError
from localqwq.gguf.split import parse_part_name
from localqwq.locations import expanded
from localqwq.packs.catalogue import REPOSITORY, Entry, Origin, named, nearest, similar
from localqwq.packs.download.addresses import Address, check
from localqwq.packs.manifest import MANIFEST_NAME
from localqwq.packs.sources.file_names import model_of, quant_of
from localqwq.packs.sources.hub_names import (
    NamedOnHub,
    hub_prefix,
    is_hub_address,
    named_on_hub,
)
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
        """Return whether a path in the source is relevant."""
        return path == MANIFEST_NAME or (path.lower().endswith(".gguf") and self.matches(path))


@dataclass(frozen=True, slots=True)
class Wish:
    """The model that is asked for, as far as its name tells."""

    spec: str
    """The request as it was written."""
    name: str | None
    """The name for the pack; None for its own, or ``usual_name``."""
    quant: str | None
    """The quantization; ``None`` for the one that suits this machine."""
    entry: Entry | None
    """Its entry in the catalogue."""
    places: tuple[Place, ...]
    """Where to get it, the best place first."""
    usual_name: str | None = None
    """What to call a pack that has no name of its own: what its repository or file is called."""
    revision: str | None = None
    """The requested revision, if it is not part of ``spec``."""
    anywhere: bool = True
    """Whether any of the places will do, and a model already installed."""

    def expect_listed(self, quant: str) -> None:
        """Check a quantization that is to come from the places that the catalogue lists.

        Another revision of them may have what is not listed.

        Raises:
            LocalqwqError: none of them has it; the sentence says what there is.
        """
        listed = [place for place in self.places if isinstance(place, _Listed)]
        has = dict.fromkeys(one for place in listed for one in place.origin.quants)
        if self.entry and listed and quant not in has and self.revision is None:
            raise LocalqwqError(
                f"{self.entry.name} has no {quant}: choose one of {', '.join(has)}, or name a "
                f"repository that has it, as hf:OWNER/REPOSITORY:{quant}."
            )

    def places_of(self, quant: str | None) -> list[Place]:
        """Return the places that may have a quantization."""
        return [
            place
            for place in self.places
            if quant is None or not isinstance(place, _Listed) or quant in place.origin.quants
        ] or list(self.places)


@dataclass(frozen=True, slots=True)
class _Listed(Place):
    """A place listed in the catalogue."""

    origin: Origin = field(kw_only=True)


def understand(spec: str, origin: str | None = None, revision: str | None = None) -> Wish:
    """Return what a name on the command line means.

    Args:
        spec: ``name``, ``name:QUANT``, ``hf:owner/repo:QUANT``, ``ms:…``, a URL or a path.
        origin: ``huggingface``, ``modelscope``, a URL or a folder, to take a pack from there.
        revision: branch, tag or commit of the repository.

    Raises:
        LocalqwqError: it has no meaning; the sentence suggests what would.
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
    """Return the request for a name that states its own source."""
    on_hub = named_on_hub(spec, _mirror())
    if on_hub is not None:
        return _of_hub(spec, on_hub, revision)
    if is_hub_address(spec):
        raise LocalqwqError(
            f"{ascii(spec)[1:-1][:120]} is not the address of a model: name the page of a "
            "repository, or a .gguf file in it."
        )
    if spec.startswith(("http://", "https://")):
        return _of_url(spec)
    path = _path(spec)
    if path is not None:
        return _elsewhere(spec, None, None, Place(Folder(path)))
    if spec.startswith((".", "/", "~")):
        raise LocalqwqError(f"There is no file or folder {ascii(spec)[1:-1][:200]}.")
    return None


def _path(spec: str) -> Path | None:
    """Return the file or folder that is meant; names in the catalogue take precedence over
    paths.
    """
    try:
        path = expanded(spec)
        return path if path.exists() and (os.sep in spec or named(spec) is None) else None
    except (OSError, RuntimeError, ValueError):  # too long, no such user, invalid characters
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
            # One of several models: the repository's name would be the same for all of them.
            usual_name = pack_name(wanted.rpartition("/")[2], quant or UNNAMED)
    return _elsewhere(spec, usual_name, quant, place)


def _mirror() -> str:
    """Return the host that Hugging Face's own client uses."""
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
    """Return a request for what one place has, whatever the catalogue knows."""
    return Wish(spec, None, quant, None, (place,), usual_name, anywhere=False)


def _places(entry: Entry, origin: str | None, revision: str | None) -> tuple[list[Place], bool]:
    if origin is None or origin in _ORIGINS:
        chosen = [one for one in entry.origins if origin in (None, one.hub)]
        if not chosen:
            raise LocalqwqError(f"The catalogue lists no source on {origin} for {entry.name}.")
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
    """Return a path without its part number."""
    part = parse_part_name(path)
    return part[0] if part else path[: -len(".gguf")]


def _quant(text: str | None) -> str | None:
    """Return the quantization that is named; raises LocalqwqError if none has such a name."""
    if not text:
        return None
    quant = text.upper().replace("-", "_")
    quant = {"FP16": "F16", "FP32": "F32"}.get(quant, quant)
    if quant_of(f"{quant}.gguf") != quant and quant != UNNAMED:
        raise LocalqwqError(
            f"{ascii(text)[1:-1][:80]} is not a quantization: name one such as Q4_K_M or Q8_0, or "
            "leave it out for the one that suits this machine."
        )
    return quant


def _unknown(spec: str) -> LocalqwqError:
    if re.fullmatch(rf"{REPOSITORY}(?::.*)?", spec, re.ASCII):
        return LocalqwqError(
            f"There is no folder {spec} here; for a repository on Hugging Face write hf:{spec}."
        )
    scheme = hub_prefix(spec)
    if scheme is not None:
        return LocalqwqError(
            f"{ascii(spec)[1:-1][:80]} is not a repository: write {scheme}:OWNER/REPOSITORY, or "
            f"{scheme}:OWNER/REPOSITORY:QUANT."
        )
    near = similar(spec)
    offer = f"did you mean {near}?" if near else f"its nearest names are {nearest(spec)}."
    return LocalqwqError(
        f"The catalogue has no {ascii(spec)[1:-1][:80]}: {offer} `localqwq models` lists all of "
        "it; hf:OWNER/REPOSITORY takes any repository of GGUF files."
    )
