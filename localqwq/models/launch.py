"""What to load and how: the plan's outcome, and the document for a process that serves it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from localqwq.codec import decoder, encode
from localqwq.engine.engine_load import EngineLoad
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.probing.learned_margins import expected_of
from localqwq.engine.probing.residuals import Expected
from localqwq.engine.states.limits import StateLimits
from localqwq.errors import LocalqwqError
from localqwq.planning.constraints import Constraints

if TYPE_CHECKING:
    from localqwq.gguf.facts import ModelFacts
    from localqwq.hardware.machine import Machine
    from localqwq.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Launch:
    """What to load and how; the loading process gets a part of it, this side also knows why."""

    model: Path
    """The GGUF file."""
    name: str
    """The model's id for clients, such as ``demo:Q8_0``."""
    load: LoadOptions
    states: Path | None = None
    """The directory for KV states; None keeps none on disk."""
    state_limits: StateLimits = field(default_factory=StateLimits)
    """The limits of that directory."""
    expected: tuple[Expected, ...] = ()
    """The planned bytes per place, which the loading process compares its buffers with."""
    defaults: str | None = None
    """JSON of the default request values, see ``server.defaults``."""
    plan: Plan | None = field(default=None, repr=False, compare=False)
    """The plan it follows; None if there was none."""
    machine: Machine | None = field(default=None, repr=False, compare=False)
    """The machine that the plan is for, as it was before the load."""
    constraints: Constraints = field(default_factory=Constraints, repr=False, compare=False)
    """The constraints of the plan."""
    smaller: tuple[ModelFacts, ...] = field(default=(), repr=False, compare=False)
    """The model's smaller installed quantizations, the largest first."""
    problems: tuple[str, ...] = field(default=(), repr=False, compare=False)
    """One sentence for each part of the machine that could not be used for planning."""

    def as_json(self) -> str:
        """Return the JSON document for the loading process."""
        return json.dumps(encode([self.engine_load, self.defaults]))

    @property
    def engine_load(self) -> EngineLoad:
        """The part for the engine's process."""
        return EngineLoad(
            self.model.absolute(),
            self.name,
            self.load,
            self.states.absolute() if self.states else None,
            self.state_limits,
            self.expected,
        )

    @classmethod
    def from_json(cls, document: str) -> Self:
        """Return the launch described by a document of :meth:`as_json`.

        Raises:
            LocalqwqError: it is not one.
        """
        try:
            told, defaults = _to_document(json.loads(document))
        except ValueError as error:
            raise LocalqwqError(f"This does not say how to load a model: {error}") from error
        return cls(
            told.model,
            told.name,
            told.options,
            told.states,
            told.state_limits,
            told.expected,
            defaults,
        )

    def with_context(self, context: int) -> Self:
        """Return the same launch with this fixed context, in tokens."""
        return replace(self, load=replace(self.load, context=context, longest=context))

    def with_plan(self, plan: Plan, machine: Machine, longest: int) -> Self:
        """Return the same launch by this plan for ``machine``; the context may grow to ``longest``.

        If the plan is for another quantization, the name says so.
        """
        changed = self.plan is not None and self.plan.facts.path != plan.facts.path
        used = [load for load in plan.devices if load.layers]
        return replace(
            self,
            model=plan.facts.path if changed else self.model,
            name=f"{self.name.rpartition(':')[0]}:{plan.facts.quant}" if changed else self.name,
            smaller=tuple(one for one in self.smaller if one.bytes < plan.facts.bytes),
            expected=expected_of(plan, machine),
            plan=plan,
            machine=machine,
            load=replace(
                self.load,
                context=plan.context,
                longest=longest,
                parallel=plan.parallel,
                gpu_layers=plan.gpu_layers,
                devices=tuple(load.name for load in used),
                tensor_split=tuple(float(load.layers) for load in used),
                rpc=machine.rpc_servers,
                repack=plan.repack,
                load_mode=plan.load_mode,
                threads=plan.threads,
                kv_type=plan.kv_type,
                flash=plan.flash,
                batch=plan.batch,
            ),
        )


_to_document = decoder(tuple[EngineLoad, str | None])
