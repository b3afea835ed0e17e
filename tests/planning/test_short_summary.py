"""How a model would run, in a clause."""

import re
from dataclasses import replace

import pytest

from localqwq.planning.plan import plan
from localqwq.planning.short_summary import verdict
from tests.machines import MACHINES, qwq


@pytest.mark.parametrize(
    ("name", "quant", "words"),
    [
        ("RTX 4090, 64 GB", "Q4_K_M", r"all on CUDA0, \d+,\d+ tokens"),
        ("8 GB laptop, 32 GB", "Q4_K_M", r"\d+ of 65 layers on CUDA0, \d+,\d+ tokens"),
        ("2 x 12 GB, 32 GB", "Q4_K_M", r".* on CUDA0 and CUDA1, \d+,\d+ tokens"),
        ("64 GB", "Q8_0", r"on the processor, \d+,\d+ tokens"),
        ("16 GB", "Q4_K_M", r"does not fit: needs \d+\.\d GiB of memory, 1\d\.\d GiB can be used"),
    ],
)
def test_verdicts(name: str, quant: str, words: str) -> None:
    """Where the layers are and the context there is room for, or what is missing."""
    found = verdict(plan(qwq(quant), MACHINES[name]))
    assert re.fullmatch(words, found), found


def test_speed_is_told_where_it_is_known() -> None:
    """Which takes a measured bandwidth."""
    machine = MACHINES["H200, 128 GB"]
    fast = replace(machine.devices[0], bandwidth=4e12, flops=4e14)
    found = verdict(plan(qwq(), replace(machine, devices=(fast,))))
    assert found.endswith(" tokens/s")
