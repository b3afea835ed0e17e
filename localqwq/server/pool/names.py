"""Which model a request means by a name; pure."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

_LATEST = ":latest"
"""What Ollama's clients add to a name without a tag."""


def named(wanted: str, known: Iterable[str]) -> str | None:
    """Return the one of the ``known`` names, ``NAME:QUANT``, that ``wanted`` means.

    Case does not matter. A name without a quantization is returned as it is known, if there is a
    model with it; ``None`` if there is none.
    """
    asked = wanted.casefold().removesuffix(_LATEST)
    for name in known:
        bare = name.rpartition(":")[0] or name
        for form in (name, bare):
            if form.casefold() == asked:
                return form
    return None


def aliased(wanted: str, aliases: Mapping[str, str]) -> str | None:
    """Return what a name stands for, ``None`` if it is no alias.

    Aliases may be patterns such as ``gpt-*``; the name itself comes first, then the first pattern
    that fits.
    """
    asked = wanted.casefold()
    known = {alias.casefold(): name for alias, name in aliases.items()}
    if asked in known:
        return known[asked]
    fitting = (name for pattern, name in known.items() if fnmatchcase(asked, pattern))
    return next(fitting, None)
