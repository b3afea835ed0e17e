"""How to load a model, as given by options, by settings or in Python."""

from dataclasses import dataclass, fields, replace
from typing import Self

from localqwq.engine.load_options import RopeMode
from localqwq.planning.attention import FlashMode
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import KvType, LoadMode
from localqwq.planning.repacking import RepackMode


@dataclass(frozen=True, slots=True)
class LaunchOptions:
    """Options for loading a model; None leaves a value to the next source or to the plan."""

    context: int | None = None
    """Tokens."""
    gpu_layers: int | None = None
    """Layers on devices, the output layer counted as one; more than there are mean all of them."""
    devices: tuple[str, ...] | None = None
    """Names of the devices that may hold layers; empty: the processor alone."""
    tensor_split: tuple[float, ...] | None = None
    """The proportion in which the devices hold layers."""
    threads: int | None = None
    batch: int | None = None
    """Maximum tokens of one decode."""
    kv_type: KvType | None = None
    parallel: int | None = None
    """Requests that are computed at the same time."""
    reserve: int | None = None
    """Bytes to leave free on each device and on the host."""
    rope: RopeMode | None = None
    mmap: bool | None = None
    """Whether weights are mapped from the file; False: read into memory."""
    flash: FlashMode | None = None
    """Whether to use flash attention; auto: where it is faster."""
    repack: RepackMode | None = None
    """Whether to rearrange weights for the processor; auto: where it is faster and memory is
    plentiful.
    """

    def over(self, other: Self) -> Self:
        """Return these options, completed by those of ``other``."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(other, **{name: value for name, value in given.items() if value is not None})

    def constraints(self, parallel: int) -> Constraints:
        """Return the constraints for a plan; ``parallel``: the default if none is given."""
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
            flash=self.flash or "auto",
            repack=self.repack or "auto",
        )
