"""Turning generated tokens into text, one token at a time."""

import codecs

from localqwq.engine.llama.model import Model


class Detokenizer:
    """Decode one text incrementally.

    Decoding the whole text again for each token, as is common, takes time that grows with the
    square of its length.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._pieces = model.shown
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, token: int) -> str:
        """Return the text that the token completes; empty in the middle of a character."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._model.piece(token)
        return self._decoder.decode(piece)
