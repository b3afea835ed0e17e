"""The user's constraints on a plan; everything else is chosen."""

from dataclasses import dataclass, replace

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.attention import FlashMode
from localqwq.planning.memory import KvType, LoadMode
from localqwq.planning.placement import gpus
from localqwq.planning.repacking import RepackMode


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a plan must satisfy: better a plan that does not fit than one that was not asked for."""

    context: int | None = None
    """Context in tokens."""
    kv_type: KvType | None = None
    gpu_layers: int | None = None
    """Layers on devices, counting the output layer; more than the model has mean all of them."""
    least_speed: float | None = None
    """Minimum decoding speed in tokens per second; steps known to be slower are skipped."""
    reserve: int | None = None
    """Bytes to keep free on each device and on the host, instead of the usual margins."""
    parallel: int = 1
    """Number of concurrent requests; they share the context."""
    devices: tuple[str, ...] | None = None
    """Names of the devices that may hold layers; None: all; empty: the processor alone."""
    tensor_split: tuple[float, ...] | None = None
    """The proportion in which those devices hold layers, in llama.cpp's order; None: by free
    memory.
    """
    threads: int | None = None
    batch: int | None = None
    """Maximum tokens of one decode."""
    load_mode: LoadMode | None = None
    flash: FlashMode = "auto"
    """Whether to use flash attention; auto: where it is faster."""
    repack: RepackMode = "auto"
    """Whether to rearrange host weights; auto: where it is faster and memory is plentiful."""

    def of(self, machine: Machine) -> Machine:
        """Return the machine with only the allowed devices.

        Raises:
            LocalqwqError: a device does not exist, or the number of shares differs.
        """
        if self.devices is not None:
            known = [device.name for device in machine.devices if device.type in ("GPU", "IGPU")]
            for name in self.devices:
                if name not in known:
                    there = (
                        f"it has {', '.join(known)}"
                        if known
                        else "it has no GPU that can hold layers"
                    )
                    raise LocalqwqError(f"This machine has no device {name}: {there}.")
            machine = replace(
                machine,
                devices=tuple(
                    device
                    for device in machine.devices
                    if device.name in self.devices or device.type not in ("GPU", "IGPU")
                ),
            )
        if self.tensor_split is not None and len(self.tensor_split) != len(gpus(machine)):
            names = ", ".join(device.name for device in gpus(machine))
            if not names:
                raise LocalqwqError(
                    "There is no device to split a model among: leave out the tensor split."
                )
            raise LocalqwqError(
                f"A tensor split needs one share for each device, in this order: {names}."
            )
        return machine

    def check(self, facts: ModelFacts) -> None:
        """Check that the model can satisfy them on some machine.

        Raises:
            LocalqwqError: it cannot; the sentence says what is possible.
        """
        longest = facts.longest_context
        if self.context is not None and not 1 <= self.context <= longest:
            raise LocalqwqError(
                f"{facts.name} cannot use a context of {self.context:,} tokens: choose at most "
                f"{longest:,}."
            )
        layers = facts.layers + 1
        if self.gpu_layers is not None and self.gpu_layers < 0:
            raise LocalqwqError(
                f"{facts.name} has {layers} layers, counting the output layer: "
                f"{self.gpu_layers} cannot go on a GPU, {layers} are all of them."
            )
        if self.flash == "off" and self.kv_type not in (None, "f16"):
            raise LocalqwqError(
                f"A KV cache of {self.kv_type} needs flash attention: choose f16, or leave flash "
                "attention on."
            )
        if self.kv_type is not None:
            facts.kv_bytes_per_token(self.kv_type)
