"""A model's life, as programs treat it, in processes of their own: it was those that ended."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PRELUDE = """
import gc, os, sys, threading, time, warnings, weakref
from localqwq import Finish, LocalModel, LocalqwqError
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.engine import Engine

M = [{"role": "user", "content": "What is 7*8?"}]
LONG = dict(temperature=5, top_p=1, top_k=0, seed=15)

def load(threads=1):
    def engine(on_progress):
        path = __import__("pathlib").Path(sys.argv[1])
        options = LoadOptions(context=1024, threads=threads, parallel=4)
        return Engine.load(path, options, on_progress=on_progress)
    return LocalModel("tested", engine)

def told(act):
    try:
        return act()
    except LocalqwqError as error:
        return error
"""


def ran(code: str, model: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """A program that loads a model, run to its end."""
    return subprocess.run(
        [sys.executable, *flags, "-c", PRELUDE + code, str(model)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_after_the_end_a_sentence_comes(demo_gguf: Path) -> None:
    """From every call, and from answers that had begun or not."""
    code = """
with load() as m:
    unbegun, begun, read = m.chat(M), m.chat(M), m.chat(M)
    next(begun)
    list(read)
assert m.closed
for act in (lambda: m.chat(M), lambda: list(unbegun), lambda: list(begun), lambda: m.context,
            m.__enter__):
    print(told(act))
print(list(read), m.name, m.close())
"""
    done = ran(code, demo_gguf)
    assert (done.returncode, done.stderr) == (0, "")
    *refusals, last = done.stdout.splitlines()
    assert refusals == ["The model tested is closed: load it again."] * 5
    assert last == "[] tested None"


def test_answers_end_with_their_model(demo_gguf: Path) -> None:
    """Those of other threads too, in the midst of a long prompt, an answer, or the queue."""
    code = """
m = load()
found = []
def read(text):
    found.append(told(lambda: list(m.chat([{"role": "user", "content": text}], **LONG))))
texts = ["Hello", "word " * 900, "Hello again", "word " * 800, *["Hi"] * 6]
readers = [threading.Thread(target=read, args=(text,)) for text in texts]
for reader in readers:
    reader.start()
time.sleep(float(sys.argv[2]))
closers = [threading.Thread(target=m.close) for _ in range(3)]
for closer in closers:
    closer.start()
for thread in (*closers, *readers):
    thread.join()
assert all(isinstance(one, LocalqwqError) or isinstance(one[-1], Finish) for one in found), found
print(sum(isinstance(one, LocalqwqError) for one in found) > 5, threading.active_count())
"""
    for wait in ("0.01", "0.2"):
        done = ran(code.replace("sys.argv[2]", wait), demo_gguf)
        assert (done.returncode, done.stdout, done.stderr) == (0, "True 1\n", "")


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise LocalqwqError('mine')"])
def test_a_program_may_end_at_any_moment(demo_gguf: Path, end: str) -> None:
    """With answers that are half read, also by daemon threads, and nothing closed."""
    code = f"""
m, other = load(), load()
def read():
    for event in m.chat(M, **LONG):
        pass
for _ in range(3):
    threading.Thread(target=read, daemon=True).start()
half = other.chat(M, **LONG)
next(half)
time.sleep(0.1)
{end}
"""
    done = ran(code, demo_gguf)
    assert done.returncode == {"": 0, "sys.exit(3)": 3}.get(end, 1)
    assert done.stderr.splitlines()[-1:] == (
        [] if "raise" not in end else ["localqwq.errors.LocalqwqError: mine"]
    )


def test_what_is_dropped_is_freed(demo_gguf: Path) -> None:
    """At once, threads and all, as soon as neither the model nor an answer of it is held."""
    code = """
import psutil
from localqwq.engine.engine_thread import EngineThread
threads = lambda: (threading.active_count(), psutil.Process().num_threads())
children = lambda: len(psutil.Process().children())
list(load().chat(M, max_tokens=4))
before = threads()
for _ in range(5):
    m = load()
    engine = weakref.ref(m._source.thread)
    held = m.chat(M, max_tokens=4)
    next(held)
    list(m.chat(M, max_tokens=4))
    del m
    gc.collect()
    assert engine() is not None and list(held), "an answer holds its model"
    del held
    gc.collect()
    assert engine() is None or not gc.get_referrers(engine())
    assert children() == 0, children()
    assert threads()[0] == before[0] and threads()[1] <= before[1] + 1, (before, threads())
"""
    done = ran(code, demo_gguf, "-W", "always::ResourceWarning")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    said = "ResourceWarning: The model tested was not closed: use it in a with block"
    assert done.stderr.count(said) == 6
    closed = ran("with load() as m: list(m.chat(M))", demo_gguf, "-W", "always::ResourceWarning")
    assert closed.returncode == 0
    assert said not in closed.stderr


def test_a_forked_process_is_told(demo_gguf: Path) -> None:
    """It has no use for the model, whatever it tries; the parent goes on."""
    code = """
import multiprocessing
m = load()
half = m.chat(M, **LONG)
next(half)
def use(number):
    m.close()
    return [str(told(act)) for act in (lambda: m.chat(M), lambda: list(half), lambda: m.context)]
with multiprocessing.get_context("fork").Pool(1) as pool:
    for told_here in pool.map_async(use, range(1)).get(20):
        for sentence in told_here:
            assert "was loaded in process" in sentence and "spawn" in sentence, sentence
child = os.fork()
if child == 0:
    del m, half
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert list(m.chat(M, max_tokens=4)) and next(half)
m.close()
"""
    done = ran(code, demo_gguf)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_llama_cpp_is_not_taken_over_by_a_fork(demo_gguf: Path) -> None:
    """Its threads are not in the new process, where a load would wait for them for ever."""
    code = """
with load(2) as m:
    list(m.chat(M, max_tokens=4))
child = os.fork()
if child == 0:
    told(load)
    print(told(load), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    done = ran(code, demo_gguf)
    assert (done.returncode, done.stderr) == (0, "")
    assert "forked" in done.stdout


def test_an_engine_that_fails_says_so(demo_gguf: Path) -> None:
    """To whoever reads, and to whoever comes later; the cause is kept."""
    code = """
m = load()
def fail():
    raise ZeroDivisionError("on purpose")
m._source.thread.engine.step = fail
first, second = told(lambda: list(m.chat(M))), told(lambda: m.chat(M))
print(first, second, type(first.__cause__).__name__, m.closed, sep="\\n")
"""
    done = ran(code, demo_gguf)
    sentence = "The engine of tested failed (ZeroDivisionError: on purpose); load the model again."
    assert done.stdout.splitlines() == [sentence, sentence, "ZeroDivisionError", "True"]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("seed", range(4))
def test_a_random_walk(demo_gguf: Path, seed: int) -> None:
    """Threads, generators, closes, drops, forks and signals, in any order."""
    command = [sys.executable, str(HERE / "api_walk.py"), str(demo_gguf), str(seed), "150"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_interruption_comes_out(demo_gguf: Path) -> None:
    """Ctrl+C is a ``KeyboardInterrupt``, whatever is under way; the model answers afterwards."""
    command = [sys.executable, str(HERE / "ctrl_c.py"), str(demo_gguf), "7", "150"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "165 of 165", done.stdout + done.stderr
