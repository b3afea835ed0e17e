"""The base of our pydantic models: their checks are built when they are first used."""

from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict

from localqwq.interruption import uninterrupted


class DeferredModel(BaseModel):
    """A model whose import takes no time, and whose first use Ctrl+C interrupts like any code.

    Annotations are resolved in the module of the class alone.
    """

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def model_rebuild(cls, **options: Any) -> bool | None:
        """Build the checks, as the first use does, too."""
        options["_parent_namespace_depth"] = 0  # the callers of another thread are not ours
        return uninterrupted(partial(super().model_rebuild, **options))
