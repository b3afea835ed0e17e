"""What chat templates support, kept on disk: a start need not find it out once more."""

import hashlib
from functools import cache
from pathlib import Path

from localqwq import reasoning
from localqwq.codec import Malformed, decoder, encode
from localqwq.hardware.cache_file import CacheFile
from localqwq.reasoning.template_traits import TemplateTraits

_CACHE_FILE = "templates"
_FINDING = ("template_environment.py", "template_probe.py", "template_traits.py")
"""The files that decide what is found out."""
_to_traits = decoder(TemplateTraits)


def known_traits(template: str) -> TemplateTraits | None:
    """Return what was found out before; ``None`` if nothing was, or by another version."""
    try:
        found: TemplateTraits = _to_traits(CacheFile(_CACHE_FILE).read().get(_key(template)))
    except Malformed:
        return None
    return found


def keep_traits(template: str, traits: TemplateTraits) -> None:
    """Keep what a template supports, unless it does not work at all."""
    if traits.problem is None:
        CacheFile(_CACHE_FILE).write(_key(template), encode(traits))


def _key(template: str) -> str:
    return hashlib.sha256(_finding() + template.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _finding() -> bytes:
    """Return what identifies the code that finds it out."""
    folder = Path(reasoning.__file__).parent
    digest = hashlib.sha256()
    for name in _FINDING:
        digest.update((folder / name).read_bytes())
    return digest.digest()
