"""Loading the engine in a thread of its own."""

import threading
from collections.abc import Callable

from localqwq.engine.embedder import Embedder
from localqwq.engine.engine import Engine
from localqwq.engine.llama.device_handles import buffer_names
from localqwq.engine.llama.library import buffer_lines, clear_buffer_lines
from localqwq.engine.probing.buffer_log import buffers_in
from localqwq.engine.probing.learned_margins import record
from localqwq.engine.states.store import StateStore
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.memory import read_memory
from localqwq.models.launch import Launch
from localqwq.planning.memory import host_margin


class Loader:
    """One load in its own thread, which only the end of the process can stop."""

    def __init__(self, launch: Launch, on_progress: Callable[[float], None]) -> None:
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
                f"{self._launch.load.context:,} tokens of context; choose a shorter context or a "
                "smaller quantization."
            )
        except Exception as error:
            self.failure = LocalqwqError(
                f"{self._launch.name} cannot be loaded ({type(error).__name__}: {error}); "
                "please report this."
            )
        on_end()

    def _load(self) -> Engine | Embedder:
        launch = self._launch
        if read_facts(launch.model).pooling is not None:
            return Embedder.load(launch.model, launch.load, on_progress=self._on_progress)
        clear_buffer_lines()
        engine = Engine.load(
            launch.model,
            launch.load,
            states=_states(launch),
            on_progress=self._on_progress,
        )
        if launch.expected is not None:
            record(
                launch.expected, buffers_in(buffer_lines()), buffer_names(launch.load.devices or ())
            )
        return engine


def _states(launch: Launch) -> StateStore:
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
