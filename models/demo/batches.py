"""Packs conversations into rows of tokens with the attention each token may use.

The template drops earlier thoughts, so a conversation has one history without thoughts and, for
each reply, a branch with its thought that sees the history before it. All branches of a
conversation share one row: the history is read once and every reply is learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from .data import Conversation, conversations
from .render import OPENING, history_text, reply_text

_IGNORED = -100
_WAITING = 24


@dataclass(frozen=True)
class Batch:
    """Tensors of one step; `labels` is -100 where nothing is learned."""

    tokens: Tensor
    positions: Tensor
    mask: Tensor
    labels: Tensor


@dataclass(frozen=True, eq=False)
class Document:
    """One conversation: tokens, positions, branch (0 is history), seen history, labels."""

    columns: np.ndarray

    def __len__(self) -> int:
        return int(self.columns.shape[1])


def document(conversation: Conversation, tokenizer: Tokenizer) -> Document:
    """The columns of one conversation."""
    messages, tools = conversation.messages, conversation.tools

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)

    history = encode(history_text(messages[:-1], tools))
    opening = encode(OPENING)

    def columns(
        tokens: list[int], first: int, branch: int, seen: list[int], labels: list[int]
    ) -> np.ndarray:
        positions = range(first, first + len(tokens))
        return np.array([tokens, list(positions), [branch] * len(tokens), seen, labels])

    size = len(history)
    parts = [columns(history, 0, 0, list(range(1, size + 1)), [_IGNORED] * size)]
    replies = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    for branch, index in enumerate(replies, start=1):
        start = len(encode(history_text(messages[:index], tools)))
        reply = encode(reply_text(messages[index]))
        tokens = opening + reply[:-1]
        labels = [_IGNORED] * (len(opening) - 1) + reply
        parts.append(columns(tokens, start, branch, [start] * len(tokens), labels))
    return Document(np.concatenate(parts, axis=1))


def _rows(seed: int, length: int, longest: int, tokenizer: Tokenizer) -> Iterator[np.ndarray]:
    """Rows of `length` columns; the sixth line numbers the documents, 0 is padding."""
    stream = (document(talk, tokenizer) for talk in conversations(seed, longest))
    fitting = (found for found in stream if len(found) <= length)
    waiting = [next(fitting) for _ in range(_WAITING)]
    while True:
        row = np.zeros((6, length), dtype=np.int64)
        row[4] = _IGNORED
        filled, number = 0, 0
        while True:
            # The oldest first, then the longest that still fits: little padding, no bias.
            fits = [found for found in waiting if len(found) <= length - filled]
            if not fits:
                break
            chosen = fits[0] if number == 0 else max(fits, key=len)
            waiting.remove(chosen)
            waiting.append(next(fitting))
            number += 1
            end = filled + len(chosen)
            row[:5, filled:end] = chosen.columns
            row[5, filled:end] = number
            filled = end
        yield row


def batches(
    seed: int, rows: int, length: int, longest: int, tokenizer: Tokenizer
) -> Iterator[Batch]:
    """An endless stream of batches."""
    source = _rows(seed, length, longest, tokenizer)
    while True:
        stacked = torch.from_numpy(np.stack([next(source) for _ in range(rows)]))
        tokens, positions, branch, seen, labels, owner = stacked.unbind(1)
        of_history = (branch == 0)[:, None] & (positions[:, None] < seen[:, :, None])
        of_branch = (branch[:, None] == branch[:, :, None]) & (
            positions[:, None] <= positions[:, :, None]
        )
        mask = (owner[:, None] == owner[:, :, None]) & (of_history | of_branch)
        yield Batch(tokens, positions, mask[:, None], labels)
