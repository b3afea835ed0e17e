"""What goes where on this machine: context, KV cache, offloaded layers, threads, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.attention import FlashMode, uses_flash
from localqwq.planning.constraints import Constraints
from localqwq.planning.explanations import reason, reason_against, with_notes
from localqwq.planning.load_mode import load_mode
from localqwq.planning.memory import ContextSettings, KvType, LoadMode, can_keep
from localqwq.planning.placement import Load, Place, Placement, gpus
from localqwq.planning.placer import Placer
from localqwq.planning.preferences import STEPS, USUAL_CONTEXT, Step
from localqwq.planning.speed import Speed, estimate

_WHOLE_CONTEXTS = 1024
"""Shortened contexts are multiples of this many tokens."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to load a model."""

    context: int
    """Context in tokens."""
    gpu_layers: int
    """Layers on GPUs, the last ones first, counting the output layer."""
    layers_total: int
    """Number of layers, counting the output layer."""
    threads: int
    fits: bool
    """Whether all of it fits; a plan that does not must not be loaded."""
    why: str
    """One sentence for people."""
    devices: tuple[Load, ...]
    """All usable devices, in llama.cpp's order; llama.cpp should get only those with layers."""
    host: Load
    kv_type: KvType
    parallel: int
    repack: bool
    """Whether host weights may be rearranged for the processor: faster, but unlike mapped weights,
    the system cannot reclaim their memory.
    """
    load_mode: LoadMode
    speed: Speed
    step: int
    """The step of ``STEPS`` that was taken."""
    facts: ModelFacts = field(repr=False)
    """The model: a smaller quantization than ``wanted``, if only that fits."""
    wanted: ModelFacts = field(repr=False)
    """The model that was asked for."""
    margins: Mapping[Place, int] = field(repr=False)
    """Learned margins included in the plan."""
    flash: bool = True
    """Whether flash attention is used."""
    batch: int | None = None
    """Most tokens of one decode; None: what suits the attention."""
    other_speed: Speed | None = None
    """The speed without ``repack``, or with it if that is False; ``None`` if it is not known."""

    @property
    def tensor_split(self) -> tuple[int, ...]:
        """Layers of each of ``devices``; with whole numbers, llama.cpp splits exactly like this."""
        return tuple(load.layers for load in self.devices)

    @property
    def settings(self) -> ContextSettings:
        """Settings for the context."""
        return ContextSettings(self.context, self.kv_type, self.parallel, self.flash, self.batch)


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
    """Plan within the constraints, and otherwise by the order of ``STEPS``.

    A requested context is kept: better a plan that does not fit than a silently shorter context. As
    many whole layers as fit go to the GPUs; the host must hold the rest.

    Args:
        facts: the model.
        machine: the machine to load it on.
        context: context in tokens; short for ``Constraints(context=…)``.
        constraints: what the plan must satisfy.
        smaller: other quantizations of the model to fall back to.
        residuals, margins: see ``Placer``.

    Raises:
        LocalqwqError: no machine could satisfy the constraints with this model.
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
    too_slow: Plan | None = None  # the first that fits but is too slow
    for attempt in attempts:
        for found in attempt.fitting():
            if _quick_enough(found, constraints):
                return _instead_of(facts, found, "is too slow" if too_slow else "does not fit")
            too_slow = too_slow or found
    if too_slow is not None:
        return _instead_of(facts, too_slow, "does not fit")
    return attempts[0].unfit()


def usual_context(facts: ModelFacts) -> int:
    """Return the default context in tokens: the longest without rope scaling, up to a limit."""
    native = facts.rope_original_context if facts.rope_scaling == "yarn" else facts.context_length
    return min(native, USUAL_CONTEXT)


def _instead_of(facts: ModelFacts, found: Plan, why_not: str) -> Plan:
    """Return the plan, stating the reason if it is for another quantization than requested."""
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
    """The attempts, step by step, with one quantization of the model."""

    facts: ModelFacts
    machine: Machine
    constraints: Constraints
    residuals: Mapping[Place, int]
    margins: Mapping[Place, int]

    def fitting(self) -> Iterator[Plan]:
        """Yield the plans of the steps that fit, in order."""
        for number, step in enumerate(STEPS):
            found = self._fitting(step)
            if found is not None:
                yield self._made(number, *found)

    def unfit(self) -> Plan:
        """Return the last step's plan, which does not fit, with what would."""
        step = STEPS[-1]
        context = self.constraints.context or min(self._wished, step.shortest or self._wished)
        kv_type = self.constraints.kv_type or step.kv_type
        kv_type = kv_type if self._can_keep(kv_type) else "f16"
        settings = self._settings(context, kv_type)
        placement = self._placed(step, settings)
        found = self._made(len(STEPS) - 1, settings, placement)
        instead = self._instead(settings)
        why = reason_against(self.facts, settings, placement, instead)
        return replace(found, why=with_notes(why, self.facts, self.constraints))

    @property
    def _wished(self) -> int:
        """Return the desired context in tokens."""
        return self.constraints.context or usual_context(self.facts)

    def _fitting(self, step: Step) -> tuple[ContextSettings, Placement] | None:
        kv_type = self.constraints.kv_type or step.kv_type
        if not self._can_keep(kv_type):
            return None
        if step.whole and step.shortest is None and self._prefers_plain:
            plain = self._settings(self._wished, kv_type, on_devices=False)
            found = self._fitting_with(step, plain)
            if found is not None and found[1].gpu_layers > self.facts.layers:
                return found
        return self._fitting_with(step, self._settings(self._wished, kv_type))

    def _fitting_with(
        self, step: Step, settings: ContextSettings
    ) -> tuple[ContextSettings, Placement] | None:
        if step.shortest is None:
            placement = self._placed(step, settings)
            return (settings, placement) if placement.fits else None
        if self.constraints.context is not None:
            return None
        return self._shrunk(step, settings)

    def _can_keep(self, kv_type: KvType) -> bool:
        needs_flash = kv_type != "f16"
        return can_keep(self.facts, kv_type) and not (needs_flash and self._mode == "off")

    @property
    def _mode(self) -> FlashMode:
        return self.constraints.flash

    @property
    def _prefers_plain(self) -> bool:
        """Whether plain attention was measured to be faster on every device.

        It takes more memory, which must cost neither layers there nor context.
        """
        devices = gpus(self.machine)
        return bool(devices) and all(device.flash is False for device in devices)

    def _settings(
        self, context: int, kv_type: KvType, *, on_devices: bool = True
    ) -> ContextSettings:
        """Return the settings of a context with layers on devices.

        ``on_devices``: whether these shall have flash attention.
        """
        constraints = self.constraints
        flash = uses_flash(kv_type, 1, self._mode, on_devices=on_devices)
        return ContextSettings(context, kv_type, constraints.parallel, flash, constraints.batch)

    def _shrunk(
        self, step: Step, settings: ContextSettings
    ) -> tuple[ContextSettings, Placement] | None:
        """Return the longest context below the desired one that fits, with its placement."""
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
            self._flash_alone(settings.kv_type),
            self.constraints.repack,
        )
        if (wanted := self.constraints.gpu_layers) is not None:
            return placer.place(min(wanted, placer.layers_total) if placer.devices else 0)
        if step.whole:
            return placer.place(placer.layers_total if placer.devices else 0)
        return placer.most()

    def _instead(self, settings: ContextSettings) -> int | None:
        """Return the longest context that fits, in tokens, if the requested one does not."""
        shorter = self._shrunk(STEPS[-1], settings) if self.constraints.context else None
        return shorter[0].context if shorter else None

    def _flash_alone(self, kv_type: KvType) -> bool:
        """Return whether the processor uses flash attention if it computes every layer."""
        on_processor = self.machine.cpu_flash is True
        return uses_flash(kv_type, 0, self._mode, on_processor=on_processor)

    def _made(self, number: int, settings: ContextSettings, placement: Placement) -> Plan:
        return Plan(
            context=settings.context,
            gpu_layers=placement.gpu_layers,
            layers_total=self.facts.layers + 1,
            threads=self.constraints.threads or self.machine.threads,
            fits=placement.fits,
            why=reason(
                self.facts,
                STEPS[number],
                settings,
                placement,
                self._wished,
                self.constraints,
            ),
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
            flash=settings.flash if placement.gpu_layers else self._flash_alone(settings.kv_type),
            batch=self.constraints.batch,
            other_speed=self._other_speed(placement),
        )

    def _other_speed(self, placement: Placement) -> Speed | None:
        if placement.gpu_layers or self.machine.mapped_bandwidth is None:
            return None
        other = replace(placement, repack=not placement.repack)
        return estimate(self.facts, self.machine, other)
