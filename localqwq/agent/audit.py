"""The audit log: which calls were allowed or denied, and what came of them."""

import json
import time
from datetime import datetime
from pathlib import Path

from localqwq.agent.events import Step
from localqwq.agent.permission import Allowed, Decision
from localqwq.agent.running import Decide
from localqwq.agent.turn import PlannedCall
from localqwq.locations import data_directory

_LONGEST = 4_000
"""Characters of arguments and results that are kept."""
_LARGEST = 8_000_000
"""Bytes of the file, after which another one is begun; one older one is kept."""


class AuditLog:
    """``tools.log`` in the data directory: one JSON object in each line, the newest last."""

    def __init__(self, path: Path | None = None) -> None:
        """Set up; nothing is written yet."""
        self.path = path or data_directory() / "tools.log"
        self.problem = ""
        """Why something could not be written; empty if all was."""

    def decided(self, planned: PlannedCall, decision: Decision) -> None:
        """Note a decision."""
        is_allowed = isinstance(decision, Allowed)
        self._write(
            "allowed" if is_allowed else "denied",
            planned.call.id,
            tool=planned.call.name,
            arguments=planned.call.arguments[:_LONGEST],
            reason=decision.span if isinstance(decision, Allowed) else decision.reason,
        )

    def ended(self, step: Step) -> None:
        """Note what came of a call; a denied one is noted already."""
        if step.denied:
            return
        self._write(
            step.status,
            step.id,
            tool=step.name,
            result=step.result[:_LONGEST],
            seconds=round(step.seconds, 3),
        )

    def noting(self, decide: Decide) -> Decide:
        """Return a function that decides like ``decide`` and notes it."""

        async def decided(planned: PlannedCall) -> Decision:
            decision = await decide(planned)
            self.decided(planned, decision)
            return decision

        return decided

    def _write(self, what: str, call: str, **more: object) -> None:
        now = datetime.fromtimestamp(time.time()).astimezone().isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": what, "call": call, **more}, ensure_ascii=False)
        try:
            if self.path.exists() and self.path.stat().st_size > _LARGEST:
                self.path.replace(self.path.with_suffix(".log.1"))
            with self.path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(line + "\n")
        except OSError as error:
            self.problem = f"{self.path} cannot be written: {error.strerror}."
