"""What goes where, on this machine: context, KV cache, offloaded layers, threads, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.attention import uses_flash
from localqwq.planning.constraints import Constraints
from localqwq.planning.explanations import reason, reason_against
from localqwq.planning.load_mode import LoadMode, load_mode
from localqwq.planning.memory import ContextSettings, KvType, can_keep
from localqwq.planning.placement import Load, Place, Placement
from localqwq.planning.placer import Placer
from localqwq.planning.preferences import STEPS, USUAL_CONTEXT, Step
from localqwq.planning.speed import Speed, estimate

_WHOLE_CONTEXTS = 1024
"""A context that must shrink does so to a multiple of so many tokens."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is to be loaded."""

    context: int
    """Tokens."""
    gpu_layers: int
    """Layers on GPUs, the last ones first, the output layer counted as one."""
    layers_total: int
    """Layers in all, the output layer counted as one."""
    threads: int
    fits: bool
    """Whether all of it fits; a plan that does not must not be loaded."""
    why: str
    """One sentence for people."""
    devices: tuple[Load, ...]
    """All that llama.cpp could use, in its order; it is to be given those with layers alone."""
    host: Load
    kv_type: KvType
    parallel: int
    repack: bool
    """Whether weights on the host may be rearranged for the processor. That is faster and takes
    memory which, unlike that of mapped weights, the system cannot take back when it is short."""
    load_mode: LoadMode
    speed: Speed
    step: int
    """Which step of ``STEPS`` it is."""
    facts: ModelFacts = field(repr=False)
    """The model: a smaller quantization than ``wanted``, if only that fits."""
    wanted: ModelFacts = field(repr=False)
    """The model as it was asked for."""
    margins: Mapping[Place, int] = field(repr=False)
    """What it leaves alone beside the usual margins."""
    batch: int | None = None
    """Most tokens of one decode; None: what suits the attention."""

    @property
    def tensor_split(self) -> tuple[int, ...]:
        """Layers of each of ``devices``: with whole numbers llama.cpp splits exactly so."""
        return tuple(load.layers for load in self.devices)

    @property
    def settings(self) -> ContextSettings:
        """What the context is to be made for."""
        flash = uses_flash(self.kv_type, self.gpu_layers)
        return ContextSettings(self.context, self.kv_type, self.parallel, flash, self.batch)


def plan(
    facts: ModelFacts,
    machine: Machine,
    *,
    context: int | None = None,
    constraints: Constraints | None = None,
    smaller: Sequence[ModelFacts] = (),
    residuals: Mapping[Place, int] | None = None,
    margins: Mapping[Place, int] | None = None,
) -> Plan:
    """Plan with what was wished, and for the rest by the order of ``STEPS``.

    A context that was asked for is kept: rather a plan that does not fit than a silently shorter
    memory. As many whole layers as fit go to the GPUs; the host must hold the rest.

    Args:
        facts: the model.
        machine: what there is to hold it.
        context: tokens; short for ``Constraints(context=…)``.
        constraints: what is to be kept to.
        smaller: other quantizations of the model, should this one not fit.
        residuals, margins: see ``Placer``.

    Raises:
        LocalqwqError: the model cannot do what was wished on any machine.
    """
    constraints = constraints or Constraints()
    if context is not None:
        constraints = replace(constraints, context=context)
    constraints.check(facts)
    machine = constraints.of(machine)
    attempts = [
        _Attempts(one, machine, constraints, residuals or {}, margins or {})
        for one in (facts, *smaller)
    ]
    too_slow: Plan | None = None  # the first that fits, but for its speed
    for attempt in attempts:
        for found in attempt.fitting():
            if _quick_enough(found, constraints):
                return _instead_of(facts, found, "is too slow" if too_slow else "does not fit")
            too_slow = too_slow or found
    if too_slow is not None:
        return _instead_of(facts, too_slow, "does not fit")
    return attempts[0].unfit()


def usual_context(facts: ModelFacts) -> int:
    """Tokens of context when nobody asks for more: what the model needs no rope scaling for."""
    native = facts.rope_original_context if facts.rope_scaling == "yarn" else facts.context_length
    return min(native, USUAL_CONTEXT)


def _instead_of(facts: ModelFacts, found: Plan, why_not: str) -> Plan:
    """The plan, which says so if it is one for another quantization than was asked for."""
    if found.facts is facts:
        return found
    before, after = facts.quant, found.facts.quant
    because = found.why[0].lower() + found.why[1:]
    why = f"{before} {why_not}, so this is for {after}: {because}"
    return replace(found, wanted=facts, why=why)


def _quick_enough(found: Plan, constraints: Constraints) -> bool:
    known = found.speed.decode
    return constraints.least_speed is None or known is None or known >= constraints.least_speed


@dataclass(frozen=True, slots=True)
class _Attempts:
    """The steps, one after the other, with one quantization of the model."""

    facts: ModelFacts
    machine: Machine
    constraints: Constraints
    residuals: Mapping[Place, int]
    margins: Mapping[Place, int]

    def fitting(self) -> Iterator[Plan]:
        """The plans of those steps that fit, in their order."""
        for number, step in enumerate(STEPS):
            found = self._fitting(step)
            if found is not None:
                yield self._made(number, *found)

    def unfit(self) -> Plan:
        """The last step's plan, which does not fit, with what would."""
        step = STEPS[-1]
        context = self.constraints.context or min(self._wished, step.shortest or self._wished)
        kv_type = self.constraints.kv_type or step.kv_type
        kv_type = kv_type if can_keep(self.facts, kv_type) else "f16"
        settings = self._settings(context, kv_type)
        placement = self._placed(step, settings)
        found = self._made(len(STEPS) - 1, settings, placement)
        instead = self._instead(settings)
        return replace(found, why=reason_against(self.facts, settings, placement, instead))

    @property
    def _wished(self) -> int:
        """Tokens."""
        return self.constraints.context or usual_context(self.facts)

    def _fitting(self, step: Step) -> tuple[ContextSettings, Placement] | None:
        kv_type = self.constraints.kv_type or step.kv_type
        if not can_keep(self.facts, kv_type):
            return None
        settings = self._settings(self._wished, kv_type)
        if step.shortest is None:
            placement = self._placed(step, settings)
            return (settings, placement) if placement.fits else None
        if self.constraints.context is not None:
            return None
        return self._shrunk(step, settings)

    def _settings(self, context: int, kv_type: KvType) -> ContextSettings:
        constraints = self.constraints
        return ContextSettings(context, kv_type, constraints.parallel, most_batch=constraints.batch)

    def _shrunk(
        self, step: Step, settings: ContextSettings
    ) -> tuple[ContextSettings, Placement] | None:
        """With the longest context, shorter than wished, that fits."""
        best = None
        low = (step.shortest or 0) // _WHOLE_CONTEXTS
        high = -(-settings.context // _WHOLE_CONTEXTS) - 1
        while low <= high:
            middle = (low + high + 1) // 2
            shorter = settings.with_context(middle * _WHOLE_CONTEXTS)
            placement = self._placed(step, shorter)
            if placement.fits:
                best, low = (shorter, placement), middle + 1
            else:
                high = middle - 1
        return best

    def _placed(self, step: Step, settings: ContextSettings) -> Placement:
        placer = Placer(
            self.facts,
            self.machine,
            settings,
            self.constraints.reserve,
            self.residuals,
            self.margins,
            self.constraints.tensor_split,
        )
        if self.constraints.gpu_layers is not None:
            return placer.place(self.constraints.gpu_layers if placer.devices else 0)
        if step.whole:
            return placer.place(placer.layers_total if placer.devices else 0)
        return placer.most()

    def _instead(self, settings: ContextSettings) -> int | None:
        """Tokens of the longest context that fits, where the one asked for does not."""
        shorter = self._shrunk(STEPS[-1], settings) if self.constraints.context else None
        return shorter[0].context if shorter else None

    def _made(self, number: int, settings: ContextSettings, placement: Placement) -> Plan:
        return Plan(
            context=settings.context,
            gpu_layers=placement.gpu_layers,
            layers_total=self.facts.layers + 1,
            threads=self.constraints.threads or self.machine.threads,
            fits=placement.fits,
            why=reason(self.facts, STEPS[number], settings, placement, self._wished),
            devices=placement.devices,
            host=placement.host,
            kv_type=settings.kv_type,
            parallel=settings.parallel,
            repack=placement.repack,
            load_mode=self.constraints.load_mode or load_mode(placement, self.machine),
            speed=estimate(self.facts, self.machine, placement),
            step=number,
            facts=self.facts,
            wanted=self.facts,
            margins=self.margins,
            batch=self.constraints.batch,
        )
