"""A server that outlives its engine: this process holds the socket, and a child answers on it."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable

from localqwq.errors import LocalqwqError
from localqwq.server.listener import cannot_listen
from localqwq.server.main import ServerOptions, check_key
from localqwq.server.supervision.addresses import BindAddress
from localqwq.server.supervision.child import ANNOUNCEMENT
from localqwq.server.supervision.deaths import Death, LoadFailed
from localqwq.server.supervision.restarts import TOO_OFTEN, Restarts
from localqwq.server.supervision.revival import revival
from localqwq.server.supervision.step_down import lesser, start_with_less
from localqwq.server.supervision.supervisor import Supervisor

_BACKLOG = 2048
"""Connections that may wait while there is no child."""


def run_service(options: ServerOptions, on_progress: Callable[[float], None]) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code.

    For POSIX: the child inherits the socket. ``on_progress`` is called with the fraction of the
    model loaded, 0 to 1. Raises ``LocalqwqError`` if it cannot listen on the address, the model
    cannot be loaded, or the engine dies too often.
    """
    check_key(options.host, options.uds, options.api_key)
    with options.listener() as (listener, url):
        try:
            listener.listen(_BACKLOG)
        except OSError as error:
            raise cannot_listen(error, url) from None
        return asyncio.run(_until_signal(options, listener, url, on_progress))


async def _until_signal(
    options: ServerOptions,
    listener: socket.socket,
    url: str,
    on_progress: Callable[[float], None],
) -> int:
    loop = asyncio.get_running_loop()
    received: list[int] = []
    address = _inherited(options, listener)
    supervisor = Supervisor(options.launch, lambda: address)
    service = asyncio.create_task(_serve(supervisor, url, on_progress))

    def end(number: int) -> None:
        received.append(number)
        listener.close()  # new connections are refused, so that clients learn that nobody answers
        service.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        await service
    except asyncio.CancelledError:
        pass
    finally:
        await supervisor.stop()
    return 130 if signal.SIGINT in received else 0


def _inherited(options: ServerOptions, listener: socket.socket) -> BindAddress:
    """Return the listener, and whatever else the child needs to know about it."""
    arguments = ["--fd", str(listener.fileno()), "--host", options.host]
    for origin in options.allow_origins:
        arguments += ["--allow-origin", origin]
    for host in options.allow_hosts:
        arguments += ["--allow-host", host]
    arguments += ["--queue", str(options.queue)]
    return BindAddress(tuple(arguments), options.api_key, listener.fileno())


async def _serve(supervisor: Supervisor, url: str, on_progress: Callable[[float], None]) -> None:
    """Run the child again and again."""
    restarts = Restarts()
    await start_with_less(supervisor, _say, on_progress)
    print(f"{ANNOUNCEMENT}{url}", flush=True)
    while True:
        restarts.answering()
        death = await supervisor.died()
        await _revive(supervisor, restarts, death)
        _say("The engine answers again.")


async def _revive(supervisor: Supervisor, restarts: Restarts, death: Death) -> None:
    """Restart the child until it is ready; raises ``LocalqwqError`` when that is pointless."""

    async def take_less(death: Death) -> str | None:
        less = await asyncio.to_thread(lesser, supervisor.launch, death)
        if less is None:
            return None
        supervisor.launch = less.launch
        return less.change

    while True:
        again = await revival(restarts, death, take_less)
        if again is None:
            raise LocalqwqError(f"{death.sentence} {TOO_OFTEN}, so the server ends.")
        _say(again.sentence)
        await asyncio.sleep(again.wait)
        try:
            await supervisor.restart()
        except LoadFailed as failure:
            if failure.death is None:
                raise
            death = failure.death
        else:
            return


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
