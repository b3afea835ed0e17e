"""How a model is to be loaded, as far as a person says so: by options, by settings, in Python."""

from dataclasses import dataclass, fields, replace
from typing import Self

from localqwq.engine.rope import RopeMode
from localqwq.planning.constraints import Constraints
from localqwq.planning.load_mode import LoadMode
from localqwq.planning.memory import KvType


@dataclass(frozen=True, slots=True)
class LaunchOptions:
    """None leaves a value to the plan, or to whoever else has an opinion."""

    context: int | None = None
    """Tokens."""
    gpu_layers: int | None = None
    """Layers on devices, the output layer counted as one."""
    devices: tuple[str, ...] | None = None
    """Names of those that may hold layers; with none of them, the processor does it."""
    tensor_split: tuple[float, ...] | None = None
    """In which proportion they hold layers."""
    threads: int | None = None
    batch: int | None = None
    """Most tokens of one decode."""
    kv_type: KvType | None = None
    parallel: int | None = None
    """Requests that are computed at the same time."""
    reserve: int | None = None
    """Bytes to leave alone on each device and on the host."""
    rope: RopeMode | None = None
    mmap: bool | None = None
    """Whether weights are mapped from the file; False: they are read."""

    def over(self, other: Self) -> Self:
        """Return these, and those of ``other`` where there are none."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(other, **{name: value for name, value in given.items() if value is not None})

    def constraints(self, parallel: int) -> Constraints:
        """Return what a plan has to keep to; ``parallel``: where nobody says otherwise."""
        modes: dict[bool | None, LoadMode | None] = {None: None, True: "mmap", False: "read"}
        return Constraints(
            context=self.context,
            kv_type=self.kv_type,
            gpu_layers=self.gpu_layers,
            reserve=self.reserve,
            parallel=self.parallel or parallel,
            devices=self.devices,
            tensor_split=self.tensor_split,
            threads=self.threads,
            batch=self.batch,
            load_mode=modes[self.mmap],
        )
