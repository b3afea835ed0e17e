"""Child processes end with their parent: running, stopped, or busy, and with no thread of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError

ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"

TEMPLATE = """
from localqwq.engine.templates import TemplateRenderer
renderer = TemplateRenderer("{{ messages[0].content }}", bos="", eos="")
assert renderer.render([{"role": "user", "content": "Hi"}], []) == ["Hi"]
print("ready", flush=True)
input()
"""
BUSY = f"""
import threading
from localqwq.engine.templates import TemplateRenderer
renderer = TemplateRenderer({ENDLESS!r}, bos="", eos="", seconds=1)
say = lambda: print("ready", flush=True)
threading.Timer(0.5, say).start()
renderer.render([{{"role": "user", "content": "Hi"}}], [])
"""
LONG_ONE = """
import threading, psutil
from localqwq import children
def run():
    children.run(children.command("localqwq.engine.rpc", "--port", "0"), timeout=600)
threading.Thread(target=run, daemon=True).start()
while not any(one.num_threads() > 2 for one in psutil.Process().children()):
    pass
print("ready", flush=True)
input()
"""
ENGINE = """
import asyncio, sys
from pathlib import Path
from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.server.supervision.own_engine import own_engine

async def main():
    load = LoadOptions(context=256, threads=1)
    supervisor = own_engine(Launch(Path(sys.argv[1]), "demo:Q8_0", load))
    await supervisor.start()
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
WAITING = """
from localqwq.hardware.detection import detect
from localqwq.server.supervision.waiting import waiting_engine

waiting_engine.begin()
detect()
print("ready", flush=True)
input()
"""


@contextmanager
def parent_of(code: str, *arguments: str) -> Iterator[list[psutil.Process]]:
    """What a program has started, once it is ready; it is killed at the end of the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=pipe, stdout=pipe, text=True
    ) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == "ready\n"
            children = psutil.Process(parent.pid).children(recursive=True)
            assert children
            yield children
        finally:
            parent.kill()


def all_end(processes: list[psutil.Process]) -> bool:
    """Whether they do so soon; what does not is killed."""
    _, alive = psutil.wait_procs(processes, timeout=20)
    for process in alive:
        process.kill()
    return not alive


@pytest.mark.parametrize(
    "code", [TEMPLATE, LONG_ONE, ENGINE, WAITING], ids=["template", "long", "engine", "waiting"]
)
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_no_child_is_left(demo_gguf: Path, code: str, stopped: bool) -> None:
    """Also of those that cannot notice anything, as they are stopped."""
    with parent_of(code, str(demo_gguf)) as children:
        for child in children:
            if stopped:
                child.suspend()
        groups = {os.getpgid(child.pid) for child in children}
    assert all_end(children)
    assert groups == {child.pid for child in children}, "the terminal's Ctrl+C is not for them"


def test_a_template_that_never_ends() -> None:
    """Whoever waited for it has ended, and would have ended it."""
    with parent_of(BUSY) as children:
        pass
    assert all_end(children)


def test_a_child_outlives_the_thread_that_began_it(tmp_path: Path) -> None:
    """Linux tells a child of the end of its parent's thread, not only of the process."""
    code = """
import threading
from localqwq.engine.templates import TemplateRenderer
made = []
begin = lambda: made.append(TemplateRenderer("{{ messages[0].content }}", bos="", eos=""))
thread = threading.Thread(target=begin)
thread.start()
thread.join()
before = made[0]._child.process.pid
for _ in range(20):
    assert made[0].render([{"role": "user", "content": "Hi"}], []) == ["Hi"]
assert made[0]._child.process.pid == before
made[0].close()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_stopped_template_process_is_replaced() -> None:
    """It does not answer in time, and the next one does."""
    renderer = TemplateRenderer("{{ messages[0].content }}", bos="", eos="", seconds=1)
    try:
        assert renderer.render([{"role": "user", "content": "Hi"}], []) == ["Hi"]
        assert renderer._child.process is not None
        os.kill(renderer._child.process.pid, signal.SIGSTOP)
        with pytest.raises(LocalqwqError, match="took more than"):
            renderer.render([{"role": "user", "content": "Hi"}], [])
        assert renderer.render([{"role": "user", "content": "Hi"}], []) == ["Hi"]
    finally:
        renderer.close()


def test_a_closed_renderer_stays_closed() -> None:
    """It starts no process again, and one that is at work ends at once."""
    renderer = TemplateRenderer(ENDLESS, bos="", eos="")
    began = time.monotonic()
    renderer.close()
    with pytest.raises(LocalqwqError, match="closed"):
        renderer.render([{"role": "user", "content": "Hi"}], [])
    assert renderer._child.process is None
    assert time.monotonic() - began < 10
