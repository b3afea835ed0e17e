"""What a server process loads, and how."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from localqwq.engine.context import KvType
from localqwq.engine.residuals import expected_of
from localqwq.engine.rope import RopeMode
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.load_mode import LoadMode
from localqwq.planning.plan import Plan
from localqwq.planning.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Launch:
    """What a server process loads, and how; its values are flags of ``python -m``."""

    model: Path
    """The GGUF file."""
    name: str
    """The model's id for clients, such as ``demo:Q8_0``."""
    context: int
    """Tokens."""
    gpu_layers: int
    threads: int | None
    """``None`` leaves the number to the engine."""
    devices: tuple[str, ...] | None = None
    """Names of those to use; ``None``: all that there are."""
    tensor_split: tuple[int, ...] = ()
    """Layers of each of them; empty: by their free memory."""
    rpc: tuple[str, ...] = ()
    """Addresses of the RPC servers whose devices come first among those."""
    repack: bool = True
    """Whether weights on the host are rearranged for the processor."""
    load_mode: LoadMode = "mmap"
    """How weights get into memory."""
    parallel: int = 4
    """Requests that are answered at once; they share the context."""
    longest: int | None = None
    """Tokens that the context may grow to; ``None``: it stays as it is."""
    rope: RopeMode = "auto"
    """Whether positions may be scaled for contexts beyond the original one."""
    kv_type: KvType = "f16"
    """What the KV cache is kept in."""
    states: Path | None = None
    """The directory for KV states; ``None`` keeps none on disk."""
    expected: str | None = None
    """What the plan says of each place, for ``engine.residuals``."""
    defaults: str | None = None
    """JSON of what requests are answered with, see ``server.defaults``."""
    plan: Plan | None = field(default=None, repr=False, compare=False)
    """What it is by; ``None``: nobody planned it."""
    wishes: Wishes = field(default_factory=Wishes, repr=False, compare=False)
    """What the plan had to keep to."""
    smaller: tuple[ModelFacts, ...] = field(default=(), repr=False, compare=False)
    """The model's other quantizations that are installed and take less; the largest first."""
    problems: tuple[str, ...] = field(default=(), repr=False, compare=False)
    """What the plan had to do without: a sentence for each thing of the machine that failed."""

    def with_context(self, context: int) -> Self:
        """The same with so many tokens of context, and no more than those."""
        return replace(self, context=context, longest=context)

    def with_plan(self, plan: Plan, machine: Machine, longest: int) -> Self:
        """The same by this plan for ``machine``; ``longest``: what the context may grow to.

        Should that be for another quantization, its name says so.
        """
        changed = self.plan is not None and self.plan.facts.path != plan.facts.path
        used = [load for load in plan.devices if load.layers]
        return replace(
            self,
            model=plan.facts.path if changed else self.model,
            name=f"{self.name.rpartition(':')[0]}:{plan.facts.quant}" if changed else self.name,
            smaller=tuple(one for one in self.smaller if one.bytes < plan.facts.bytes),
            context=plan.context,
            longest=longest,
            gpu_layers=plan.gpu_layers,
            devices=tuple(load.name for load in used),
            tensor_split=tuple(load.layers for load in used),
            rpc=machine.rpc_servers,
            expected=expected_of(plan, machine),
            repack=plan.repack,
            load_mode=plan.load_mode,
            threads=plan.threads,
            parallel=plan.parallel,
            kv_type=plan.kv_type,
            plan=plan,
        )

    def arguments(self) -> list[str]:
        """The command line of ``python -m localqwq.server`` that loads this."""
        values = {
            "--model": self.model.absolute(),
            "--name": self.name,
            "--ctx": self.context,
            "--gpu-layers": self.gpu_layers,
            "--devices": None if self.devices is None else ",".join(self.devices),
            "--expected": self.expected,
            "--tensor-split": ",".join(map(str, self.tensor_split)) or None,
            "--rpc": ",".join(self.rpc) or None,
            "--repack": int(self.repack),
            "--load-mode": self.load_mode,
            "--threads": self.threads,
            "--parallel": self.parallel,
            "--longest": self.longest,
            "--rope": self.rope,
            "--kv": self.kv_type,
            "--states": None if self.states is None else self.states.absolute(),
            "--defaults": self.defaults,
        }
        return [
            word
            for flag, value in values.items()
            if value is not None
            for word in (flag, str(value))
        ]
