"""Loading the engine in a thread of its own."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from localqwq.engine.engine import Engine
from localqwq.engine.engine_load import EngineLoad
from localqwq.engine.llama.device_handles import buffer_names
from localqwq.engine.llama.library import buffer_lines, clear_buffer_lines
from localqwq.engine.probing.buffer_log import buffers_in
from localqwq.engine.probing.residuals import record
from localqwq.engine.states.store import StateStore
from localqwq.engine.templates import start_ahead
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.memory import read_memory
from localqwq.planning.memory import host_margin

if TYPE_CHECKING:
    from localqwq.engine.embedder import Embedder


class Loader:
    """One load in its own thread, which only the end of the process can stop."""

    def __init__(self, launch: EngineLoad, on_progress: Callable[[float], None]) -> None:
        """Set up; ``on_progress`` is called in the thread with the fraction loaded, 0 to 1."""
        self.engine: Engine | Embedder | None = None
        self.failure: LocalqwqError | None = None
        """Why there is no engine."""
        self._launch = launch
        self._on_progress = on_progress
        self._thread: threading.Thread | None = None

    def start(self, on_end: Callable[[], None]) -> None:
        """Start; ``on_end`` is called in the thread once there is an engine or a failure."""
        self._thread = threading.Thread(target=self._run, args=(on_end,), name="load", daemon=True)
        self._thread.start()

    def _run(self, on_end: Callable[[], None]) -> None:
        try:
            self.engine = self._load()
        except LocalqwqError as error:
            self.failure = error
        except MemoryError:
            self.failure = LocalqwqError(
                f"Most likely memory is short: {self._launch.name} cannot be loaded with "
                f"{self._launch.options.context:,} tokens of context; choose a shorter context or "
                "a smaller quantization."
            )
        except Exception as error:
            self.failure = LocalqwqError(
                f"{self._launch.name} cannot be loaded ({type(error).__name__}: {error}); "
                "please report this."
            )
        on_end()

    def _load(self) -> "Engine | Embedder":
        launch = self._launch
        facts = read_facts(launch.model).with_template(launch.options.chat_template)
        if facts.pooling is not None:
            from localqwq.engine.embedder import Embedder

            return Embedder.load(launch.model, launch.options, on_progress=self._on_progress)
        start_ahead([text for text in (facts.chat_template, facts.tool_template) if text])
        clear_buffer_lines()
        engine = Engine.load(
            launch.model,
            launch.options,
            states=_states(launch),
            on_progress=self._on_progress,
        )
        names = buffer_names(launch.options.devices or ())
        record(launch.expected, buffers_in(buffer_lines()), names)
        return engine


def _states(launch: EngineLoad) -> StateStore:
    """Return the store for evicted conversations, in half of the memory left to other programs."""
    memory, limits = read_memory(read_limits()), launch.state_limits
    return StateStore(
        key="",
        ram_bytes=host_margin(memory.available, memory.total) // 2,
        directory=launch.states,
        disk_bytes=limits.disk_bytes,
        daily_bytes=limits.daily_bytes,
        quiet_s=limits.quiet_s,
    )
