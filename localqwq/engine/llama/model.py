"""A loaded model: its weights and its vocabulary."""

import ctypes
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from localqwq.engine.llama.device_handles import (
    device_list,
    heeds_abort,
    offloading_devices,
    wait_for_server,
)
from localqwq.engine.llama.library import binding, check_process, clear_errors, last_error
from localqwq.engine.llama.text_parts import cut, places
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.gguf.header import read_header
from localqwq.gguf.vocabulary import expect_usable_vocabulary
from localqwq.hardware.machine import names_remote
from localqwq.planning.memory import LoadMode
from localqwq.reasoning.parser import Tags

_NO_TOKEN = -1  # LLAMA_TOKEN_NULL
_LONG = 1 << 16
"""Characters of a text from which it may have so many special tokens that they take long."""
_VERY_LONG = 1 << 20
"""Characters of a prompt from which it takes long to tokenize only to learn that it is too long."""
_CALL_TOKENS = (
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁sep｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁calls▁end｜>",
)
"""DeepSeek's tokens around calls: parsed as text, even where they are control tokens."""
_LOAD_MODES: dict[LoadMode, int] = {"mmap": -1, "read": 0, "lock": 2}
"""Values of ``enum llama_load_mode``; nothing is mapped for devices that cannot use it."""


class Model:
    """The weights and the vocabulary of a GGUF file. Free it with :meth:`close`."""

    def __init__(
        self,
        path: Path,
        gpu_layers: int,
        on_progress: Callable[[float], None] | None = None,
        *,
        devices: Sequence[str] | None = None,
        tensor_split: Sequence[float] = (),
        repack: bool = True,
        load_mode: LoadMode = "mmap",
        chat_template: str | None = None,
        vocabulary_only: bool = False,
    ) -> None:
        """Load ``path`` with its last ``gpu_layers`` layers on the devices.

        ``devices``: names of those to use, ``None`` for all; ``tensor_split``: each device's share
        of the layers, by free memory if empty; ``repack``: rearrange host weights, which is faster
        and takes memory; ``load_mode``: how weights get into memory; ``chat_template``: replaces
        the file's own; ``vocabulary_only``: loads no weights, for tokens alone; ``on_progress`` is
        called with the fraction loaded, from 0 to 1; an exception raised there ends the load and is
        raised here. The header is checked in Python first, because llama.cpp may end the whole
        process on a broken file. Raises :class:`LocalqwqError` if the file cannot be loaded.
        """
        check_process()
        self.facts: ModelFacts = read_facts(path).with_template(chat_template)
        expect_usable_vocabulary(path, read_header(path))
        self.gpu_layers = gpu_layers
        self._llama = binding()
        params = self._llama.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.use_extra_bufts = repack
        params.load_mode = _LOAD_MODES[load_mode]
        params.vocab_only = vocabulary_only
        if devices is not None:
            chosen = device_list(devices)  # kept in a variable, likewise
            params.devices = ctypes.cast(chosen, ctypes.c_void_p)
        if any(tensor_split):
            # Kept in a variable: llama.cpp reads it during the load.
            shares = (ctypes.c_float * self._llama.llama_max_devices())(*tensor_split)
            params.tensor_split = shares
        raised: list[BaseException] = []
        if on_progress is not None:
            progress = self._llama.llama_progress_callback(_teller(on_progress, raised))
            params.progress_callback = progress  # kept in a variable: it must outlive the load
        clear_errors()
        self.handle: Any = self._llama.llama_model_load_from_file(str(path).encode(), params)
        if raised:
            self.close()
            raise raised[0]
        if not self.handle:
            reason = last_error() or "llama.cpp gave no reason"
            raise LocalqwqError(
                f"llama.cpp cannot load {path.name} ({reason}); "
                "get the file again, or offload fewer layers if memory is short."
            )
        self.devices = tuple(offloading_devices() if devices is None else devices)
        self.vocabulary: Any = self._llama.llama_model_get_vocab(self.handle)
        self.eos = self._text_of(self._llama.llama_vocab_eos(self.vocabulary))
        self.bos = self._text_of(self._llama.llama_vocab_bos(self.vocabulary))
        self.tags = Tags(
            think_open=self._single_token("<think>"),
            think_close=self._single_token("</think>"),
            call_open=self._single_token("<tool_call>"),
            call_close=self._single_token("</tool_call>"),
        )
        # Tags that turn out to be text must be shown, even where they are control tokens.
        self.shown = {tag: self.piece(tag, special=True) for tag in self.tags.by_id()}
        """The visible bytes of tokens, as far as they were needed."""
        for name in _CALL_TOKENS:
            if (token := self._single_token(name)) is not None:
                self.shown[token] = name.encode()

    @property
    def is_whole_on_devices(self) -> bool:
        """Whether devices hold every layer."""
        return bool(self.devices) and self.gpu_layers > self.facts.layers

    @cached_property
    def heeds_abort(self) -> bool:
        """Whether everything that computes checks llama.cpp's abort callback."""
        return all(map(heeds_abort, self.devices))

    @property
    def size(self) -> int:
        """The number of tokens in the vocabulary."""
        return int(self._llama.llama_vocab_n_tokens(self.vocabulary))

    @property
    def begin_token(self) -> int | None:
        """The token that the model wants before every text, if it wants one."""
        llama = self._llama
        wanted = llama.llama_vocab_get_add_bos(self.vocabulary)
        return int(llama.llama_vocab_bos(self.vocabulary)) if wanted else None

    @property
    def turn_ends(self) -> frozenset[int]:
        """The tokens that end a turn inside a prompt."""
        llama = self._llama
        ends = (llama.llama_vocab_eos(self.vocabulary), llama.llama_vocab_eot(self.vocabulary))
        return frozenset(end for end in ends if end != _NO_TOKEN)

    @cached_property
    def all_ends(self) -> tuple[int, ...]:
        """All tokens that end a generation."""
        return tuple(filter(self.ends_generation, range(self.size)))

    @cached_property
    def control_tokens(self) -> tuple[str, ...]:
        """The names of the tokens that are instructions, not text, such as ``<|im_end|>``."""
        control = self._llama.LLAMA_TOKEN_ATTR_CONTROL
        return tuple(name for name, kind in self._special if kind & control)

    @cached_property
    def _special(self) -> list[tuple[str, int]]:
        """The names and the attributes of the tokens that are looked for before all others."""
        llama, vocabulary = self._llama, self.vocabulary
        kinds = (llama.llama_vocab_get_attr(vocabulary, token) for token in range(self.size))
        special = (
            llama.LLAMA_TOKEN_ATTR_CONTROL
            | llama.LLAMA_TOKEN_ATTR_USER_DEFINED
            | llama.LLAMA_TOKEN_ATTR_UNKNOWN
        )
        return [(self._text_of(token), kind) for token, kind in enumerate(kinds) if kind & special]

    def wait_for_servers(self) -> None:
        """Wait until the RPC servers of this model have computed everything they were told to."""
        for name in filter(names_remote, self.devices):
            wait_for_server(name)

    def ends_generation(self, token: int) -> bool:
        """Return whether the token ends the answer: end of turn, end of text and similar."""
        return bool(self._llama.llama_vocab_is_eog(self.vocabulary, token))

    def tokenize(self, text: str, *, begin: bool = True, special: bool = True) -> list[int]:
        """Return the tokens of a rendered prompt, or of plain text (without both options).

        ``special``: recognize special tokens in the text. ``begin``: prepend the begin-of-text
        token, if the model wants one and the text has none.
        """
        begin = begin and not (self.bos and text.startswith(self.bos))
        first, *others = cut(text, self._places(special)) if len(text) > _LONG else [text]
        tokens = self._tokens(first, begin=begin, special=special)
        for part in others:
            tokens += self._tokens(part, begin=False, special=special)
        return tokens

    def _places(self, special: bool) -> list[str]:
        """Return the names before which a long text can be cut."""
        llama = self._llama
        if llama.llama_vocab_get_add_eos(self.vocabulary):
            return []  # the first part would get an end
        user_defined = int(llama.LLAMA_TOKEN_ATTR_USER_DEFINED)
        wanted = user_defined | (llama.LLAMA_TOKEN_ATTR_CONTROL if special else 0)
        strips = llama.LLAMA_TOKEN_ATTR_LSTRIP
        names = {name for name, kind in self._special if kind & wanted and not kind & strips}
        return places(sorted(names), (name for name, _ in self._special if name not in names))

    def _tokens(self, text: str, *, begin: bool, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 2  # no token is shorter than a byte, except begin and end tokens
        tokens = (ctypes.c_int32 * room)()
        count = self._llama.llama_tokenize(
            self.vocabulary, data, len(data), tokens, room, begin, special
        )
        if count < 0:
            raise LocalqwqError("The prompt is too long to be tokenized; shorten it.")
        return tokens[:count]

    def tokenize_apart(self, pieces: Sequence[str]) -> list[int]:
        """Return the tokens of a rendered prompt in which no token spans two pieces."""
        first, *others = pieces
        tokens = self.tokenize(first)
        for piece in others:
            tokens += self.tokenize(piece, begin=False)
        return tokens

    def fewest_tokens(self, pieces: Sequence[str]) -> int:
        """Return a number of tokens that a rendered prompt has at least, at once."""
        size = sum(map(len, pieces))
        return size // self._longest_token if size > _VERY_LONG else 0

    @cached_property
    def _longest_token(self) -> int:
        """The bytes, and so the most characters, of the longest token."""
        return max(len(self.piece(token, special=True)) for token in range(self.size))

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """Return the bytes of a token; a character may be spread over several tokens.

        Control tokens have none unless ``special`` asks for their names.
        """
        buffer = ctypes.create_string_buffer(128)
        count = self._llama.llama_token_to_piece(
            self.vocabulary, token, buffer, len(buffer), 0, special
        )
        if count < 0:
            buffer = ctypes.create_string_buffer(-count)
            count = self._llama.llama_token_to_piece(
                self.vocabulary, token, buffer, len(buffer), 0, special
            )
        return buffer.raw[:count]

    def close(self) -> None:
        """Free the weights; contexts must be closed first."""
        if self.handle:
            self._llama.llama_model_free(self.handle)
            self.handle = None

    def _text_of(self, token: int) -> str:
        return (
            "" if token == _NO_TOKEN else self.piece(token, special=True).decode("utf-8", "replace")
        )

    def _single_token(self, text: str) -> int | None:
        """Return the token that is exactly this text, if the vocabulary has one."""
        tokens = self.tokenize(text, begin=False)
        if len(tokens) == 1 and self.piece(tokens[0], special=True) == text.encode():
            return tokens[0]
        return None


def _teller(
    on_progress: Callable[[float], None], raised: list[BaseException]
) -> Callable[[float, Any], bool]:
    """Return llama.cpp's progress callback, which returns True to continue."""

    def tell(share: float, _: Any) -> bool:
        try:
            on_progress(share)
        except BaseException as error:  # it would be lost in C
            raised.append(error)
        return not raised

    return tell
