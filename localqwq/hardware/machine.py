"""A machine's hardware for running models; :mod:`localqwq.hardware.detection` looks at this one."""

from dataclasses import dataclass
from typing import Literal

DeviceType = Literal["CPU", "GPU", "IGPU", "ACCEL"]
HOST = "host"
"""The name of the processor and its memory, among the devices' names."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device that llama.cpp can compute on."""

    name: str
    """Its name in llama.cpp, such as ``CUDA0``."""
    description: str
    type: DeviceType
    free: int
    """Free bytes; for ``CPU``, the machine's ``ram_available``."""
    total: int
    """Size in bytes."""
    bandwidth: float | None = None
    """Memory read speed in bytes per second; ``None`` if not measured."""
    flops: float | None = None
    """Floating-point operations per second in matrix products; ``None`` if not measured."""
    latency: float | None = None
    """Seconds that even the smallest operation takes; ``None`` if not measured."""
    trip: float | None = None
    """Round-trip time in seconds to start work and learn of its end; ``None`` if not measured."""
    pipelines: bool = True
    """Whether it computes asynchronously: with several such devices, llama.cpp processes several
    batches at a time.
    """
    flash: bool | None = None
    """Whether flash attention is the better choice here, for the model in question; ``None`` if not
    measured.
    """
    largest_tensor: int | None = None
    """Maximum bytes of a tensor that it computes with; ``None`` if only its memory limits it."""

    @property
    def is_remote(self) -> bool:
        """Whether it belongs to another machine, over ggml's RPC; its description is the
        address.
        """
        return names_remote(self.name)


def names_remote(device: str) -> bool:
    """Return whether llama.cpp uses this name for other machines' devices."""
    return device.startswith("RPC")


@dataclass(frozen=True, slots=True)
class Machine:
    """Processors, memory and devices, as far as this process may use them."""

    cpu_name: str
    physical_cores: int
    logical_cores: int
    ram_total: int
    """Bytes of the machine, or of the control group if that has less."""
    ram_available: int
    """Bytes that can be used now without swapping or hitting a limit."""
    devices: tuple[Device, ...] = ()
    backends: tuple[str, ...] = ()
    gpu_offload: bool = False
    """Whether this llama.cpp was built for any kind of GPU."""
    llama_cpp: str | None = None
    """Version of the binding; ``None`` if it did not respond."""
    problems: tuple[str, ...] = ()
    """One sentence for each thing that could not be determined."""
    ram_bandwidth: float | None = None
    """Like a device's ``bandwidth``, for processor and main memory."""
    cpu_flops: float | None = None
    """Like a device's ``flops``, for the processor."""
    cpu_latency: float | None = None
    """Like a device's ``latency``, for the processor."""
    mapped_bandwidth: float | None = None
    """Like ``ram_bandwidth``, for weights as they are in the file, while that is for weights as
    they are rearranged; ``None`` if not measured, or if nothing rearranges them.
    """
    mapped_flops: float | None = None
    """Like ``cpu_flops``, for weights as they are in the file."""
    cpu_flash: bool | None = None
    """Whether flash attention is faster on the processor, for the model in question; ``None`` if
    not measured.
    """
    ram_installed: int = 0
    """Bytes, regardless of control groups."""
    cores_installed: int = 0
    """Physical cores, regardless of this process's affinity."""
    fast_cores: int | None = None
    """Number of fast physical cores; ``None`` if all are alike or unknown."""
    memory_nodes: int = 1
    """NUMA nodes."""
    swap_used: int = 0
    """Bytes of memory that are swapped out."""
    swap_total: int = 0
    """Size of the swap space in bytes."""
    lockable: int = 0
    """Bytes that this process may lock into memory."""
    cpu_buffers: tuple[str, ...] = ()
    """Formats that llama.cpp rearranges host weights into, such as ``AMX``; the best first."""

    @property
    def threads(self) -> int:
        """The number of threads that computes fastest on the processor."""
        return self.fast_cores or self.physical_cores

    @property
    def build(self) -> str:
        """The version and the backends of llama.cpp, on which measurements depend."""
        return " ".join([self.llama_cpp or "", *self.backends])

    @property
    def rpc_servers(self) -> tuple[str, ...]:
        """Return the RPC servers of these devices, in llama.cpp's order."""
        remote = (device.description for device in self.devices if device.is_remote)
        return tuple(dict.fromkeys(remote))
