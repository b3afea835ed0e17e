"""The sandboxes that work on this machine."""

from functools import cache

import pytest

from localqwq.agent.sandbox.choosing import installed
from localqwq.agent.sandbox.job import BackendName
from localqwq.agent.sandbox.probe import problem_of


@cache
def _problems() -> dict[BackendName, str]:
    return {name: problem_of(name) or "" for name in installed()}


def working() -> list[BackendName]:
    """Those whose probe succeeds: containers restrict what kernels and programs offer."""
    return [name for name, problem in _problems().items() if not problem]


def needs_sandbox() -> pytest.MarkDecorator:
    """A mark for tests that need one; it says why there is none."""
    told = "; ".join(f"{name} {problem}" for name, problem in _problems().items() if problem)
    return pytest.mark.skipif(not working(), reason=told or "there is no sandbox here")
