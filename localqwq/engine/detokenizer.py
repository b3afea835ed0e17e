"""From generated tokens to text, one token at a time."""

import codecs

from localqwq.engine.model import Model


class Detokenizer:
    """Decodes the tokens of one model incrementally.

    Decoding everything again at each token, as is often done, costs time that grows with the
    square of the answer's length.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        tags = model.tags
        # Tags that turn out to be text must be shown, even where they are control tokens.
        self._pieces = {
            tag: model.piece(tag, special=True)
            for tag in (tags.think_open, tags.think_close, tags.call_open, tags.call_close)
            if tag is not None
        }
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def start(self) -> None:
        """Forget what is left of an earlier answer."""
        self._decoder.reset()

    def add(self, token: int) -> str:
        """The text that the token completes; empty in the middle of a character."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._model.piece(token)
        return self._decoder.decode(piece)
