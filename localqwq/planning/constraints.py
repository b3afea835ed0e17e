"""What a person wants of a plan; whatever is left open is chosen."""

from dataclasses import dataclass

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.planning.memory import KvType


@dataclass(frozen=True, slots=True)
class Constraints:
    """Everything given is kept: rather a plan that does not fit than one that was not wanted."""

    context: int | None = None
    """Tokens."""
    kv_type: KvType | None = None
    gpu_layers: int | None = None
    """Layers on devices, the output layer counted as one."""
    least_speed: float | None = None
    """Tokens a second while decoding; steps that are known to be slower are passed over."""
    reserve: int | None = None
    """Bytes to leave alone on each device and on the host, in place of the usual margins."""
    parallel: int = 1
    """Requests that are computed at the same time; they share the context."""

    def check(self, facts: ModelFacts) -> None:
        """See that the model can do it on some machine.

        Raises:
            LocalqwqError: it cannot; the sentence says what it can.
        """
        longest = facts.longest_context
        if self.context is not None and not 1 <= self.context <= longest:
            raise LocalqwqError(
                f"{facts.name} cannot use a context of {self.context:,} tokens: choose at most "
                f"{longest:,}."
            )
        if self.gpu_layers is not None and not 0 <= self.gpu_layers <= facts.layers + 1:
            raise LocalqwqError(
                f"{facts.name} has {facts.layers + 1} layers, the output counted as one: "
                f"{self.gpu_layers} of them cannot be on a GPU."
            )
        if self.kv_type is not None:
            facts.kv_bytes_per_token(self.kv_type)
