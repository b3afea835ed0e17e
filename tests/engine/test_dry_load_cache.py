"""What a dry load said is kept, as long as all that it depends on stays the same."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.engine.probing.dry_load import DryLoadTimeout
from localqwq.engine.probing.dry_load_cache import known_load
from localqwq.gguf.facts import read_facts
from localqwq.planning.memory import GIB
from localqwq.planning.plan import plan
from tests.machines import machine

HERE = machine(64 * GIB)
AT_ONCE = 0.001
"""Seconds; no process starts in them."""


def test_the_same_load_is_not_tried_twice(demo_gguf: Path, home: Path) -> None:
    """Another context, another build and another file are others; a damaged file is none."""
    path = demo_gguf.with_name("known.gguf")
    path.write_bytes(demo_gguf.read_bytes())
    found = plan(read_facts(path), HERE, context=512)
    first = known_load(found, HERE)
    assert known_load(found, HERE, AT_ONCE) == first
    longer = plan(read_facts(path), HERE, context=1024)
    for changed, here in ((longer, HERE), (found, replace(HERE, llama_cpp="another"))):
        with pytest.raises(DryLoadTimeout):
            known_load(changed, here, AT_ONCE)
    file = home / "cache" / "dry-loads.json"
    kept = file.read_text()
    for damage in ("", "[]", kept.replace('"Buffers"', '"Bubbles"')):
        file.write_text(damage)
        with pytest.raises(DryLoadTimeout):
            known_load(found, HERE, AT_ONCE)
    file.write_text(kept)
    os.utime(path, ns=(0, 0))
    with pytest.raises(DryLoadTimeout):
        known_load(found, HERE, AT_ONCE)
