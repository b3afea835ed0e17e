"""Names of tensors lose what wrappers put around them, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq_convert.tensor_names import canonical_names
from tests.checkpoints import tensor_shapes

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": 8,
}
NAMES = [*tensor_shapes(CONFIG)]
OUTER = st.lists(st.sampled_from(["base_model.model.", "module.", "_orig_mod."]), max_size=3)
INSIDE = st.sampled_from(["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"])


@given(OUTER)
def test_plain_names_come_back_from_any_prefixes(outer: list[str]) -> None:
    """Whatever is put in front, and in whatever order."""
    prefix = "".join(outer)
    found = canonical_names([prefix + name for name in NAMES])
    assert [found[prefix + name] for name in NAMES] == NAMES


@given(st.data())
def test_plain_names_come_back_from_wrapped_modules(data: st.DataObject) -> None:
    """Each tensor may be wrapped in another way, at any depth."""
    stored = {}
    for name in NAMES:
        parts = name.split(".")
        parts.insert(data.draw(st.integers(0, len(parts) - 1)), data.draw(INSIDE))
        stored[".".join(parts)] = name
    assert canonical_names(stored) == stored


@given(st.lists(st.text("ab.", min_size=1, max_size=8), unique=True, max_size=6))
def test_other_names_stay(names: list[str]) -> None:
    """What means nothing here is left for whoever refuses it."""
    assert canonical_names(names) == {name: name for name in names}


def test_two_names_of_one() -> None:
    """The second is not silently taken for the first."""
    with pytest.raises(ValueError, match="_orig_mod"):
        canonical_names(["model.norm.weight", "model._orig_mod.norm.weight"])
