"""What the server says about itself at ``/metrics``."""

from bench.soaking.wire import Request, Wire

_UNFINISHED = ("localqwq_requests_running", "localqwq_requests_waiting")


async def unfinished(wire: Wire) -> int:
    """Requests that run or wait. Raises ``KeyError`` where the page does not say."""
    reply = await wire.exchange(Request("GET", "/metrics"))
    lines = [line.split() for line in reply.body.decode().splitlines() if line[:1] not in ("#", "")]
    values = {name.partition("{")[0]: float(value) for name, value in lines}
    return int(sum(values[name] for name in _UNFINISHED))
