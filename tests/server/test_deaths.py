"""What is said of a process that ended, and what is taken for a lack of memory."""

import signal
from pathlib import Path

import pytest

from localqwq.installation.origin import rebuild_command
from localqwq.server.supervision.deaths import (
    Shortage,
    death_of,
    is_exhausted,
    load_failure_of,
    oom_kills,
    speaks_of_device,
    speaks_of_shortage,
)

LOG = Path("engine.log")


@pytest.mark.parametrize(
    "line",
    [
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "MemoryError",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9.31 GiB for an array",
        "ggml_aligned_malloc: insufficient memory (attempted to allocate 384.00 MB)",
        "llama_kv_cache: failed to allocate buffer for kv cache",
        "CUDA error: out of memory",
        "ggml_vulkan: Device memory allocation of size 1073741824 failed.",
        "ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory",
        "terminate called after throwing an instance of 'vk::OutOfDeviceMemoryError'",
        "  what():  vk::Queue::submit: ErrorOutOfHostMemory",
        "ImportError: libx.so: failed to map segment from shared object",
        "RuntimeError: can't start new thread",
        "OSError: [Errno 12] Cannot allocate memory",
        "llama.cpp/ggml/src/ggml.c:1644: GGML_ASSERT(ctx->mem_buffer != NULL) failed",
    ],
)
def test_words_for_a_lack_of_memory(line: str) -> None:
    """As C++, Python, ggml, CUDA and Vulkan have them."""
    assert speaks_of_shortage(line)


@pytest.mark.parametrize(
    "line",
    [
        "error: llama.cpp cannot load a.gguf (unknown tokenizer); get the file again, or offload "
        "fewer layers if memory is short.",
        "KeyError: 'memory'",
        "GGML_ASSERT(n_tokens > 0) failed",
        "WARNING: failed to allocate 612.00 MB of pinned memory",
    ],
)
def test_words_for_other_things(line: str) -> None:
    """A sentence that only mentions memory is no sign."""
    assert not speaks_of_shortage(line)
    assert not is_exhausted(line)


@pytest.mark.parametrize(
    ("line", "device"),
    [
        ("CUDA error: out of memory", True),
        ("allocating 1234.00 MiB on device 0: cudaMalloc failed: out of memory", True),
        ("ggml_gallocr_reserve_n_impl: failed to allocate Vulkan0 buffer of size 1", True),
        ("ggml_vulkan: Device memory allocation of size 1 failed: ErrorOutOfDeviceMemory", True),
        ("ggml_vulkan: Memory allocation of size 1 failed.", True),
        ("terminate called after throwing an instance of 'vk::OutOfDeviceMemoryError'", True),
        ("unable to allocate RPC0[10.0.0.1:50052] buffer", True),
        ("unable to allocate MTL0 buffer", True),
        ("ggml_aligned_malloc: insufficient memory (attempted to allocate 384.00 MB)", False),
        ("unable to allocate CPU buffer", False),
        ("  what():  vk::Queue::submit: ErrorOutOfHostMemory", False),
        ("std::bad_alloc", False),
    ],
)
def test_whose_memory_it_was(line: str, device: bool) -> None:
    """A device's where its maker's word is in the line."""
    assert speaks_of_device(line) is device


def test_python_without_memory() -> None:
    """The last line of a traceback says so, not the middle of a sentence."""
    assert is_exhausted("MemoryError: ")
    assert is_exhausted("RuntimeError: can't start new thread")
    assert not is_exhausted("it raised MemoryError")


def test_deaths() -> None:
    """One sentence that says how, and where to read more."""
    crash = death_of(-signal.SIGABRT, None, short=False, oom_killed=True, log=LOG)
    assert crash.sentence == "The engine crashed (signal 6); its last messages are in engine.log."
    assert crash.shortage is Shortage.NO
    short = death_of(-signal.SIGABRT, None, short=True, oom_killed=False, log=LOG)
    assert "because memory ran out" in short.sentence
    assert short.shortage is Shortage.CERTAIN
    killed = death_of(-signal.SIGKILL, None, short=False, oom_killed=True, log=LOG)
    assert killed.sentence == "The engine was killed because memory ran out."
    assert killed.shortage is Shortage.CERTAIN
    told = death_of(1, "It failed.", short=False, oom_killed=False, log=LOG)
    assert told.sentence == "It failed."


def test_an_illegal_instruction_has_a_way_out() -> None:
    """A build for another processor: the sentence says how to get one for this."""
    sentence = death_of(-signal.SIGILL, None, short=False, oom_killed=False, log=LOG).sentence
    assert "compiled for another processor" in sentence
    assert rebuild_command() in sentence
    failure = load_failure_of(-signal.SIGILL, None, short=False, oom_killed=False, log=LOG)
    assert rebuild_command() in str(failure)


def test_failures_to_load() -> None:
    """Only what may go better the next time counts as a death."""
    refused = load_failure_of(1, "No such file.", short=False, oom_killed=False, log=LOG)
    assert (str(refused), refused.death) == ("No such file.", None)
    short = load_failure_of(1, "Out of memory.", short=True, oom_killed=False, log=LOG)
    assert short.death is not None
    assert short.death.shortage is Shortage.CERTAIN
    crashed = load_failure_of(-11, None, short=False, oom_killed=False, log=LOG)
    assert crashed.death is not None
    assert "stopped while loading (signal 11)" in crashed.death.sentence


def test_the_kernels_counter(tmp_path: Path) -> None:
    """Where there is one."""
    path = tmp_path / "vmstat"
    assert oom_kills(path) is None
    path.write_text("oom_kill_other 1\noom_kill 7\nunevictable 2\n")
    assert oom_kills(path) == 7
