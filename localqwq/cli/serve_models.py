"""The models for ``localqwq serve``: one that is named, or all that are installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from localqwq.cli.engine_ahead import load_ahead
from localqwq.cli.launch_options import launch_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from contextlib import ExitStack

    from localqwq.server.pool.source import ModelSource
    from localqwq.settings.schema import Settings

    Served = tuple[ModelSource, Callable[[float], None]]

PARALLEL = 4
"""The default number of simultaneous requests."""


def all_models(
    arguments: argparse.Namespace, settings: Callable[[], Settings], _: ExitStack
) -> Served:
    """Return all installed models, and what shows the progress of a load: nothing."""
    from localqwq.cli.settings import request_defaults
    from localqwq.server.pool.installed import HowToLoad, InstalledModels, names

    how = HowToLoad(
        launch_options(arguments), PARALLEL, arguments.chat_template, request_defaults(settings())
    )
    print(f"Serving {', '.join(names())}; each is loaded when it is needed.", file=sys.stderr)
    return InstalledModels(how, settings().serving), lambda _: None


def one_model(
    arguments: argparse.Namespace, settings: Callable[[], Settings], stack: ExitStack
) -> Served:
    """Return the named model, and what shows the progress of its load."""
    from dataclasses import replace

    from localqwq.cli.model_offer import resolved_or_pulled
    from localqwq.cli.settings import request_defaults
    from localqwq.gguf.facts import read_facts
    from localqwq.models.launching import launch
    from localqwq.server.pool.source import OneModel

    resolved = resolved_or_pulled(arguments.model)
    planned = launch(
        resolved,
        launch_options(arguments),
        parallel=PARALLEL,
        chat_template=arguments.chat_template,
    )
    load_ahead(planned, arguments.queue)
    for problem in planned.problems:
        print(problem, file=sys.stderr)
    print(f"Loading {planned.name}, {planned.load.context:,} tokens of context …", file=sys.stderr)
    if planned.plan is not None:
        print(planned.plan.why, file=sys.stderr)
    shown = _Shown(read_facts(resolved.path).bytes, stack)
    return OneModel(replace(planned, defaults=request_defaults(settings()))), shown


class _Shown:
    """Shows the progress of a load once."""

    def __init__(self, size: int, stack: ExitStack) -> None:
        """Set up; ``size``: bytes of the model; ``stack`` ends what is shown, at the latest."""
        self._size = size
        self._stack = stack
        self._progress: Callable[[int, int], None] | None = None

    def __call__(self, part: float) -> None:
        from localqwq.cli.progress import ByteProgress

        if self._progress is None:
            self._progress = self._stack.enter_context(ByteProgress("Loading"))
        if part > 0:
            self._progress(round(part * self._size), self._size)
        if part == 1:
            self._stack.close()
