"""A process that loads a model: started from any thread, and waited for on an event loop."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence


class ChildProcess:
    """A running process without stdin and stdout."""

    def __init__(self, words: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        """Start it; ``words``: its command line, ``descriptors``: what it inherits.

        Raises OSError.
        """
        environment = {**os.environ}
        environment.pop("LOCALQWQ_API_KEY", None)
        # An abort would first start a debugger for its backtrace, while clients wait for seconds.
        environment.setdefault("GGML_NO_BACKTRACE", "1")
        # After one very large body, glibc would keep such blocks forever.
        environment.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 20))
        environment.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 20))
        self._popen = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # protects the child from the terminal's Ctrl-C
            pass_fds=descriptors,
        )
        self._ended: asyncio.Future[int] | None = None
        self._pipe: asyncio.BaseTransport | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended, as far as known."""
        return self._popen.returncode is None

    async def stderr(self) -> asyncio.StreamReader:
        """Return what it writes; call it once."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        self._pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._popen.stderr
        )
        return reader

    async def wait(self) -> int:
        """Wait for its end, and return the exit code, or minus the signal's number."""
        if self._ended is None:
            self._ended = asyncio.get_running_loop().create_future()
            waiter = threading.Thread(
                target=self._wait,
                args=(asyncio.get_running_loop(), self._ended),
                name="child",
                daemon=True,
            )
            waiter.start()
        return await asyncio.shield(self._ended)

    def read_to_end(self, patience: float) -> tuple[int, bytes]:
        """Wait for its end without an event loop; return the exit code and what is on stderr.

        It is killed after ``patience`` seconds.
        """
        try:
            _, said = self._popen.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            _, said = self._popen.communicate()
        return self._popen.returncode, said

    def terminate(self) -> None:
        """Ask it to end, even if it is stopped."""
        for number in (signal.SIGTERM, signal.SIGCONT):
            with contextlib.suppress(ProcessLookupError):
                self._popen.send_signal(number)

    def kill(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.kill()

    def close(self) -> None:
        """Stop reading, once it has ended."""
        if self._pipe is not None:
            self._pipe.close()
        elif self._popen.stderr is not None:
            self._popen.stderr.close()

    def _wait(self, loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[int]") -> None:
        code = self._popen.wait()

        def tell() -> None:
            if not ended.done():
                ended.set_result(code)

        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell)
