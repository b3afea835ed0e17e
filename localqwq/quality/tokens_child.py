"""Turn a text or chats into a model's tokens: ``python -m localqwq.quality.tokens_child``.

Only the vocabulary is loaded.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from localqwq.engine.llama.model import Model
from localqwq.engine.probing.probe_child import report_order
from localqwq.engine.prompts import make_prompt
from localqwq.engine.request import GenerationRequest
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.quality.texts import divided, finished, read_chats, read_text
from localqwq.reasoning.messages import Message


def tokenize(
    path: str,
    output: str,
    text: str | None = None,
    chats: str | None = None,
    held_out: bool = False,
) -> Iterator[dict[str, int]]:
    """Write the tokens of a file to ``output``, a ``.npy`` file, and yield how many there are.

    Args:
        path: the model.
        output: the file to write.
        text: a text.
        chats: conversations, to be rendered by the model's chat template.
        held_out: whether to take the chats that are held out, or all others.

    Raises:
        LocalqwqError: a file cannot be read, or the chat template does not work.
    """
    model = Model(Path(path), 0, devices=(), vocabulary_only=True)
    if text is not None:
        tokens = model.tokenize(read_text(Path(text)), special=False)
    else:
        found = divided(read_chats(Path(chats or "")), held_out=held_out)
        tokens = rendered(model, found)
    np.save(output, np.array(tokens, np.int32), allow_pickle=False)
    yield {"tokens": len(tokens)}
    model.close()


def rendered(model: Model, chats: list[list[Message]]) -> list[int]:
    """Return the tokens of conversations as the model's template writes them, one after the other.

    Raises:
        LocalqwqError: it has no template, or one that rejects them.
    """
    template = model.facts.chat_template
    if template is None:
        raise LocalqwqError(
            f"{model.facts.path.name} has no chat template to render chats with: use a text."
        )
    templates = TemplateRenderer(template, bos=model.bos, eos=model.eos, names=model.control_tokens)
    tokens: list[int] = []
    try:
        for chat in chats:
            request = GenerationRequest(messages=finished(chat), continue_final_message=True)
            tokens += make_prompt(model, templates, request).tokens
            tokens += model.tokenize(model.eos, begin=False)
    finally:
        templates.close()
    return tokens


if __name__ == "__main__":
    sys.exit(report_order(tokenize))
