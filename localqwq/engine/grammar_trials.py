"""Trying clients' grammars before they are used, where they can do no harm."""

import json
import threading
from collections import OrderedDict

from localqwq import children
from localqwq.errors import LocalqwqError
from localqwq.line_child import LineChild, LineEnded

_SECONDS = 3.0
"""Processor time per grammar; a normal one needs a millisecond."""
_MOST_SECONDS = 30.0
"""Seconds per grammar by the clock, with the start of the process on a busy machine."""
_MEMORY = 1 << 30
"""Bytes that the process may use."""
_MOST_KNOWN = 256
_REASONS = {
    "time": "it takes more than a few seconds to understand",
    "memory": "it takes too much memory to understand",
    "crash": "it nests too deeply",
}


class GrammarTrials:
    """Tries grammars in a process that is kept between them. Thread-safe."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        """Set up; the process starts with the first grammar.

        ``seconds`` of the processor limit each.
        """
        self._child = LineChild(
            children.Child.GRAMMARS,
            seconds=_MOST_SECONDS,
            memory=_MEMORY,
            processor_seconds=seconds,
        )
        self._known: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def problem(self, grammar: str) -> str:
        """Return why a grammar in Lark's notation cannot be used; empty if it can.

        Raises :class:`LocalqwqError` once it is closed.
        """
        with self._lock:
            if (known := self._known.get(grammar)) is not None:
                self._known.move_to_end(grammar)
                return known
        try:
            found = str(json.loads(self._child.ask(json.dumps(grammar))))
        except LineEnded as end:
            if end.reason == "closed":
                raise LocalqwqError("The model was closed.") from None
            found = _REASONS[end.reason]
        with self._lock:
            self._known[grammar] = found
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return found

    def close(self) -> None:
        """End the process; no more grammars can be tried."""
        self._child.close()
