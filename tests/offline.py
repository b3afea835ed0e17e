"""Commands that run cut off from any network."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HOOK = """
import errno, os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        where = arguments[1]
        if where is None or isinstance(where, (str, bytes)):
            return
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        where = arguments[0]
    else:
        return
    with open(os.environ["REFUSED"], "a") as file:
        file.write(f"{event} {where}\\n")
    raise OSError(errno.ENETUNREACH, "refused by the test")

sys.addaudithook(watch)
"""
RUN = """
import contextlib, io, json, sys
from localqwq.cli.main import main
outcomes = []
for words in json.loads(sys.argv[1]):
    print(f"> {' '.join(words)}", file=sys.stderr, flush=True)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = main(words)
    outcomes.append((code, printed.getvalue()))
print(json.dumps(outcomes))
"""


def cut_off(directory: Path) -> dict[str, str]:
    """The environment of processes that may not connect; ``directory`` is for what they try.

    Every process that is started from them has it, too. What might switch connections off in a
    library is not set.
    """
    hooks = directory / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(HOOK)
    kept = {key: os.environ[key] for key in os.environ if not key.startswith(("HF_", "HUGGING"))}
    return kept | {
        "PYTHONPATH": str(hooks),
        "REFUSED": str(directory / "refused"),
        "HF_HOME": str(directory / "hf"),
        "AI_AGENT": "somebody",  # what the hub's client would ask the hub about
    }


def without_network() -> list[str]:
    """What to put before a command to run it in a network of its own, which has no devices."""
    command = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None:
        return []
    ran = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if ran.returncode == 0 else []


def refused(environment: dict[str, str]) -> list[str]:
    """Every connection that was tried."""
    path = Path(environment["REFUSED"])
    return path.read_text().splitlines() if path.exists() else []


def run(
    environment: dict[str, str], *commands: list[str], network: bool = False
) -> list[tuple[int, str]]:
    """The exit codes and outputs of commands that are run one after the other in one process.

    Without a network, where the system allows to take it away.
    """
    ran = subprocess.run(
        [*([] if network else without_network()), sys.executable, "-c", RUN, json.dumps(commands)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    print(ran.stderr)  # shown if the test fails
    assert ran.returncode == 0
    return [(code, printed) for code, printed in json.loads(ran.stdout)]
