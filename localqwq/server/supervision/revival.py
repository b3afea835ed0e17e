"""What follows a crash: another run, perhaps with less, or none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from localqwq.server.supervision.deaths import Death
from localqwq.server.supervision.restarts import Restarts, restart_sentence


@dataclass(frozen=True, slots=True)
class Revival:
    """The next run."""

    sentence: str
    """One sentence on how the last one ended, and what is changed."""
    wait: float
    """Seconds before it begins."""


async def revival(
    restarts: Restarts, death: Death, take_less: Callable[[Death], Awaitable[str | None]]
) -> Revival | None:
    """Return the run after ``death``; None if it dies too often.

    Args:
        restarts: the deaths so far.
        death: the last one.
        take_less: makes the next run use less memory, and returns what is changed; None if
            nothing is left to give up.
    """
    anew = restarts.died(death.shortage, lost_server=death.lost_server)
    change = await take_less(death) if anew else None
    wait = restarts.wait(changed=change is not None)
    if wait is None:
        return None
    return Revival(f"{death.sentence} {restart_sentence(change)}", wait)
