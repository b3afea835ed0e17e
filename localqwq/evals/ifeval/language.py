"""Which language a text is in, by a library that ships its model."""

import importlib
import importlib.util
from functools import cache
from typing import Any

from localqwq.errors import LocalqwqError

_LANGUAGES = [
    "af", "ar", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "fa",
    "fi", "fr", "gu", "he", "hi", "hr", "hu", "id", "it", "ja", "kn", "ko", "lt", "lv",
    "mk", "ml", "mr", "ne", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sk", "sl", "so",
    "sq", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zh",
]  # fmt: skip
"""Those that the detector of IFEval's authors tells apart, so that no other one is found here."""


def require() -> None:
    """Raise ``LocalqwqError`` if the library is not installed."""
    if importlib.util.find_spec("py3langid") is None:
        raise LocalqwqError(
            "Telling the language of an answer needs py3langid: pip install 'localqwq[eval]'."
        )


def language_of(text: str) -> str | None:
    """Return the code of ISO 639-1 of a text's language; None for a text without letters."""
    if not any(letter.isalpha() for letter in text):
        return None
    return str(_identifier().classify(text)[0])


@cache
def _identifier() -> Any:
    require()
    library = importlib.import_module("py3langid.langid")  # it has no types
    identifier = library.LanguageIdentifier.from_model_file(library.MODEL_FILE)
    identifier.set_languages(_LANGUAGES)
    return identifier
