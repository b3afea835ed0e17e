"""Resolving a model's name: a path, ``name``, ``name:QUANT``, ``demo``, or nothing.

The store is imported only for names that are not files: its manifests take a while.
"""

from localqwq.gguf.facts import ModelFacts
from localqwq.locations import expanded, packs_directory
from localqwq.models.resolved import NotInstalledError as NotInstalledError
from localqwq.models.resolved import ResolvedModel as ResolvedModel
from localqwq.models.resolved import is_path as is_path
from localqwq.models.resolved import model_of_file


def resolve(spec: str | None) -> ResolvedModel:
    """Return the model meant by a name or by None.

    A pack's name means its largest quantization that fits this machine, else its smallest. None
    means the settings' model, else the largest installed one that fits, else the demo.

    Raises:
        NotInstalledError: it can be downloaded.
        LocalqwqError: there is no such model; the sentence says what there is.
    """
    if spec is not None and spec.lower().endswith(".gguf") and expanded(spec).is_file():
        return model_of_file(expanded(spec))
    from localqwq.models.in_store import find

    return find(spec)


def smaller_ones(resolved: ResolvedModel, facts: ModelFacts) -> tuple[ModelFacts, ...]:
    """Return the model's smaller installed quantizations, the largest first."""
    if not (packs_directory() / resolved.name).is_dir():
        return ()
    from localqwq.models.in_store import smaller_quantizations

    return smaller_quantizations(resolved.name, facts)
