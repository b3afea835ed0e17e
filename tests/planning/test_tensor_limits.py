"""Devices that compute only with tensors up to a size, whatever their memory is."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from localqwq.hardware.machine import Device
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB, MIB, ContextSettings, kv_tensor_bytes
from localqwq.planning.placer import Placer
from localqwq.planning.plan import plan
from tests.machines import gpu, machine, qwq, small

LIMIT = 128 * MIB
FITS = 65_536
"""Tokens of QwQ's context whose keys in F16 are just that large."""


def limited(name: str = "Vulkan0", limit: int = LIMIT) -> Device:
    """A roomy device with this limit."""
    return replace(gpu(80 * GIB, name), largest_tensor=limit)


def test_keys_that_are_too_large_stay_off_the_device() -> None:
    """One step beyond the limit llama.cpp would end the process, so the processor has them all."""
    model = qwq()
    assert kv_tensor_bytes(model, ContextSettings(FITS)) == LIMIT
    here = machine(200 * GIB, limited())
    beyond = FITS + 256
    for context, layers in ((FITS, model.layers + 1), (beyond, 0)):
        found = plan(model, here, constraints=Constraints(context, "f16"))
        assert (found.fits, found.gpu_layers) == (True, layers)
    assert "cannot compute with tensors of 128 MiB, so the processor" in found.why
    assert plan(model, here, context=beyond).kv_type == "q8_0"  # which the device can keep
    forced = plan(model, here, constraints=Constraints(beyond, "f16", 8))
    assert not forced.fits
    assert "which Vulkan0 cannot compute with: a context of 65,536 tokens would fit" in forced.why


def test_layers_with_large_matrices_stay_off_the_device() -> None:
    """No context helps there, so the sentence has another way out."""
    here = machine(200 * GIB, limited(limit=100 * MIB))
    assert small(4).largest_matrix > 100 * MIB
    assert plan(small(4), here, context=2048).gpu_layers == 0
    forced = plan(small(4), here, constraints=Constraints(2048, gpu_layers=2))
    assert "cannot compute with: keep the layers on the processor" in forced.why


def test_other_devices_have_the_layers() -> None:
    """A device that cannot compute with them does not keep them from another one that can."""
    here = machine(200 * GIB, limited(), gpu(80 * GIB, "CUDA1"))
    found = plan(qwq(), here, constraints=Constraints(131_072, "f16"))
    assert found.fits
    assert [load.layers for load in found.devices] == [0, 65]


@given(st.integers(0, 4), st.integers(1, 900 * MIB), st.booleans())
def test_an_output_matrix_goes_to_the_host(layers: int, limit: int, tied: bool) -> None:
    """Weights are somewhere, whatever the device's limit is; a tied matrix is there once."""
    model = replace(small(4, tied=tied), output_matrix=638_691_840)
    free, bound = (
        Placer(model, machine(200 * GIB, limited(limit=size)), ContextSettings(2048)).loads(
            [layers]
        )
        for size in (10**12, limit)
    )
    moves = bool(layers) and limit < model.output_matrix
    left = free.devices[0].weights - bound.devices[0].weights
    assert left == moves * model.output_matrix
    assert bound.host.weights - free.host.weights == (0 if tied else left)
