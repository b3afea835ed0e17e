"""``POST /api/pull``: downloads a model, with its progress line by line."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send

from localqwq.demo import is_demo
from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory
from localqwq.models.choosing import ChooseForHere
from localqwq.packs.download.meter import Progress
from localqwq.packs.pull import pull
from localqwq.packs.sources.request import understand
from localqwq.packs.sources.web_and_folder import Folder, Web
from localqwq.packs.store.store import Store
from localqwq.server.http.body import read_json
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.guard import Owners
from localqwq.server.http.ollama.routes import LINES
from localqwq.server.http.ollama.schema import OllamaNamed
from localqwq.server.http.replies import json_response
from localqwq.server.http.streams import Json, send_stream
from localqwq.server.pool.names import named

_AT_ONCE = 2
"""Maximum concurrent downloads; others wait."""
_SUCCESS = {"status": "success"}


class OllamaPull:
    """The endpoint, as an ASGI application of its own: it ends with its client."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._threads = ThreadPoolExecutor(_AT_ONCE, "pull")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pull one model; what has arrived is kept when the client goes away."""
        self._owners.check(scope)
        request = await read_json(OllamaNamed, scope, receive)
        spec = request.wanted
        if await asyncio.to_thread(_is_own, spec):
            # One line is a whole answer as well as a stream.
            await json_response(_SUCCESS)(scope, receive, send)
            return
        await asyncio.to_thread(_check, spec)
        async with _pulling(spec, self._threads, receive) as lines:
            if request.stream is not False:
                await send_stream(send, [{"status": "pulling manifest"}], lines, LINES)
                return
            async for _ in lines:
                pass
        await json_response(_SUCCESS)(scope, receive, send)


@asynccontextmanager
async def _pulling(
    spec: str, threads: ThreadPoolExecutor, receive: Receive
) -> AsyncIterator[AsyncIterator[list[Json]]]:
    """Pull while the context lasts and the client is there; yield the lines of its progress.

    They raise what the pull raises.
    """
    stop = threading.Event()
    latest = _Latest()

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        stop.set()

    task = asyncio.get_running_loop().run_in_executor(threads, _pull, spec, latest.put, stop)
    task.add_done_callback(latest.end)
    watcher = asyncio.create_task(watch())
    try:
        yield _told(task, latest, spec)
    finally:
        watcher.cancel()
        stop.set()


async def _told(
    pull: asyncio.Future[None], latest: "_Latest", spec: str
) -> AsyncIterator[list[Json]]:
    note = ""
    while not pull.done():
        progress = await latest.get()
        if progress is None:
            continue
        if progress.note != note:
            note = progress.note
            yield [{"status": note}]
        yield [progress_line(progress, spec)]
    await pull
    yield [_SUCCESS]


def progress_line(progress: Progress, spec: str) -> Json:
    """Return how far a pull is, in Ollama's form.

    Its programs draw a bar for each ``digest``; here, it tells one download from another.
    """
    match progress.stage:
        case "asking":
            return {"status": "pulling manifest"}
        case "waiting":
            return {"status": f"waiting for another pull of {progress.spec}"}
        case "installing":
            return {"status": "writing manifest"}
        case "checking":
            status = "verifying sha256 digest"
        case "repairing":
            status = f"repairing {progress.spec}"
        case "downloading":
            status = f"pulling {progress.spec}"
    digest = hashlib.sha256(spec.encode("utf-8", "replace")).hexdigest()
    counts = {"total": progress.total, "completed": progress.done} if progress.total else {}
    return {"status": status, "digest": f"sha256:{digest}"} | counts


class _Latest:
    """The latest progress that a thread told; what was not read in time is left out."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._new = asyncio.Event()
        self._progress: Progress | None = None

    def put(self, progress: Progress) -> None:
        """Tell it, in any thread."""
        self._progress = progress
        self._loop.call_soon_threadsafe(self._new.set)

    def end(self, pull: asyncio.Future[None]) -> None:
        """Let the reader look again, on the loop: the pull has ended."""
        if not pull.cancelled():
            pull.exception()  # noted, even if nobody reads it any more
        self._new.set()

    async def get(self) -> Progress | None:
        """Return the latest one once there is something new."""
        await self._new.wait()
        self._new.clear()
        return self._progress


def _pull(spec: str, on_progress: Callable[[Progress], None], stop: threading.Event) -> None:
    pull(spec, choose=ChooseForHere(), on_progress=on_progress, stop=stop)


def _is_own(spec: str) -> bool:
    """Return whether a model is here that no hub has: programs pull what they are about to use."""
    if is_demo(spec):
        return True
    installed = [model.spec for model in Store(packs_directory()).installed()]
    if named(spec, installed) is None:
        return False
    try:
        understand(spec)
    except LocalqwqError:
        return True
    return False


def _check(spec: str) -> None:
    """Raise ``InvalidRequestError`` for what is neither in the catalogue nor on a hub.

    Whoever has only the server's key must not read files here or reach addresses through it.
    """
    try:
        places = understand(spec).places
    except LocalqwqError as error:
        raise InvalidRequestError(str(error), "model", status=404) from None
    if any(isinstance(place.source, Folder | Web) for place in places):
        raise InvalidRequestError(
            f"{spec[:80]!r} is neither in the catalogue nor on a hub: use `localqwq pull` on the "
            "server's computer for files, folders and other addresses.",
            "model",
            status=400,
        )
