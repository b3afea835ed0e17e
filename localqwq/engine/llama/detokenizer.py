"""From generated tokens to text, one token at a time."""

import codecs

from localqwq.engine.llama.model import Model


class Detokenizer:
    """Decodes one text incrementally.

    Decoding everything again at each token, as is often done, costs time that grows with the
    square of the answer's length.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._pieces = model.shown
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, token: int) -> str:
        """The text that the token completes; empty in the middle of a character."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._model.piece(token)
        return self._decoder.decode(piece)
