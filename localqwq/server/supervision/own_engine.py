"""An engine for this process alone, as the app and `ask` have one."""

from localqwq.locations import cache_directory
from localqwq.models.launch import Launch
from localqwq.server.engine.messages import MAX_WAITING
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.counts import Counts
from localqwq.server.supervision.engine_child import EngineChild
from localqwq.server.supervision.log import BoundedLog, open_log
from localqwq.server.supervision.supervisor import Supervisor


def own_engine(launch: Launch) -> Supervisor[RemoteEngine]:
    """Return the supervisor of an engine that ends with this process."""
    counts = Counts()

    async def spawn(launch: Launch) -> EngineChild:
        return await EngineChild.spawn(launch, MAX_WAITING, _log, counts)

    return Supervisor(launch, spawn)


def _log(pid: int) -> BoundedLog:
    return open_log(cache_directory(), pid)
