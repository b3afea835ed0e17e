"""Trying a back end: a program that attempts to get out is started in it, and must fail.

That a kernel or a program offers a sandbox does not mean that it works here: containers and
distributions restrict both. The outcome is kept until the next boot.
"""

import json
import os
import platform
import socket
import tempfile
from pathlib import Path

from localqwq.agent.sandbox.job import MIB, BackendName, Job, Limits
from localqwq.agent.sandbox.process import run
from localqwq.agent.sandbox.scratch import interpreter, sandbox_user, scratch_folder
from localqwq.hardware.cache_file import CacheFile
from localqwq.version import __version__

_LIMITS = Limits(seconds=20, memory=512 * MIB, processes=16, disk=16 * MIB, output=65_536)
_BOOT = Path("/proc/sys/kernel/random/boot_id")

_ATTEMPTS = """
import ctypes, json, os, signal, socket, sys
told = json.loads(sys.argv[1])
got_out = []

def attempt(name, act):
    try:
        act()
    except (OSError, ValueError):
        return
    got_out.append(name)

def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(2)
        one.connect(address)

secret = os.path.join(told["outside"], "secret")
attempt("read a file", lambda: open(secret).read())
attempt("list a folder", lambda: os.listdir(told["outside"]))
attempt("write a file", lambda: open(os.path.join(told["outside"], "new"), "w"))
attempt("change a file", lambda: os.truncate(secret, 0))
attempt("change a mode", lambda: os.chmod(secret, 0o777))
attempt("write an opened folder", lambda: open(os.path.join(told["opened"], "new"), "w"))
attempt("read the process", lambda: open(f"/proc/{told['process']}/environ").read())
attempt("signal the process", lambda: os.kill(told["process"], 0))
attempt("connect to a port", lambda: connect(socket.AF_INET, ("127.0.0.1", told["port"])))
attempt("connect to a socket", lambda: connect(socket.AF_UNIX, told["socket"]))
if told["secret"] in json.dumps(dict(os.environ)):
    got_out.append("read the environment")
with open(os.path.join(told["opened"], "given")) as given:
    text = given.read()
with open("made", "w") as made:
    made.write(text)
print(json.dumps({"got_out": got_out, "given": text}))
"""


def problem_of(backend: BackendName) -> str:
    """Return why a back end does not work here, in words that follow its name; empty if it does.

    It is tried once a boot.
    """
    kept = CacheFile("sandbox")
    key = _key(backend)
    known = kept.read().get(key)
    if isinstance(known, str):
        return known
    try:
        found = probe(backend)
    except OSError as error:  # that may pass, such as a full disk
        return f"cannot be tried: {error.strerror}"
    kept.write(key, found)
    return found


def probe(backend: BackendName) -> str:
    """Try a back end now; return as :func:`problem_of` does. Raises OSError."""
    python = interpreter()
    if python is None:
        return "has no Python that a user without rights can start"
    secret = os.urandom(16).hex()
    with (
        tempfile.TemporaryDirectory(prefix="localqwq-probe-") as place,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as listening,
    ):
        outside, opened = Path(place, "outside"), Path(place, "opened")
        for folder in (Path(place), outside, opened):
            # Everyone may use them, so that only the sandbox can forbid it.
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777)
        (outside / "secret").write_text(secret)
        (opened / "given").write_text("given")
        listening.bind(str(outside / "socket"))
        listening.listen()
        (outside / "secret").chmod(0o666)
        (outside / "socket").chmod(0o777)
        told = {
            "outside": str(outside),
            "opened": str(opened),
            "process": os.getpid(),
            "port": server.getsockname()[1],
            "socket": str(outside / "socket"),
            "secret": secret,
        }
        user = sandbox_user()
        with scratch_folder(user) as scratch:
            words = (*python.words, "-c", _ATTEMPTS, json.dumps(told))
            job = Job(words, backend, scratch, (*python.folders, opened), limits=_LIMITS, user=user)
            ran = run(job)
    if ran.problem:
        return f"cannot be set up: {ran.problem}"
    try:
        report = json.loads(ran.output)
    except ValueError:
        said = " ".join(ran.errors.split())[-200:] or f"exit code {ran.code}"
        return f"does not start programs: {said}"
    if report["got_out"]:
        return f"does not hold: a program could {', '.join(report['got_out'])}"
    return "" if report["given"] == "given" else "does not show opened folders"


def _key(backend: BackendName) -> str:
    try:
        boot = _BOOT.read_text("utf-8").strip()
    except OSError:
        boot = ""
    who = f"{os.geteuid()} {sandbox_user() is not None}"
    return f"{backend} {__version__} {platform.release()} {boot} {who}"
