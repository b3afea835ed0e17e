"""Carrying out one call: from its plan to the step that came of it; blocks."""

import time

from localqwq.agent.events import Status, Step
from localqwq.agent.stop import Stop
from localqwq.agent.tool import ToolFailed, ToolTimedOut
from localqwq.agent.turn import PlannedCall


def carry_out(planned: PlannedCall, stop: Stop, round_: int) -> Step:
    """Return the step of an allowed call; failures of the tool are part of it."""
    assert planned.tool is not None
    call = planned.call
    start = time.monotonic()
    status: Status = "done"
    try:
        result = planned.tool.run(planned.arguments, stop)
    except ToolTimedOut as late:
        result, status = str(late), "timed out"
    except ToolFailed as failure:
        result, status = str(failure), "failed"
    except Exception as error:  # a fault of a tool must not end the turn
        result, status = f"The tool failed: {type(error).__name__}: {error}", "failed"
    if stop.is_set:
        status = "interrupted"
    seconds = time.monotonic() - start
    # Names of files, for example, need not be text; neither the store nor a request takes them.
    text = result.encode("utf-8", "replace").decode("utf-8")
    return Step(call.id, call.name, call.arguments, text, status, seconds, round_)


def timed_out(planned: PlannedCall, seconds: float, round_: int) -> Step:
    """Return the step of a call that is no longer awaited."""
    call = planned.call
    sentence = f"The call took more than {seconds:g} seconds and was ended."
    return Step(call.id, call.name, call.arguments, sentence, "timed out", seconds, round_)


def denied(planned: PlannedCall, reason: str, round_: int) -> Step:
    """Return the step of a call that was not allowed; ``reason``: a person's words, if any."""
    call = planned.call
    words = f" The reason: {reason}" if reason else ""
    sentence = f"The user refused this call.{words}"
    return Step(call.id, call.name, call.arguments, sentence, "denied", 0.0, round_)
