"""Runs a program for several inputs, inside the sandbox; with the standard library alone.

    python driver.py PROGRAM INPUTS SECONDS

Each line of INPUTS is a JSON list of the input and the maximum bytes of output of a run. For each
run a line of JSON is written: the exit code, null if it took more than SECONDS, and the output.
After a run that fails nothing else is run.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """Run."""
    program, inputs, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    with inputs.open(encoding="utf-8") as lines:
        for line in lines:
            text, most = json.loads(line)
            code, output = _run(program, text, most, seconds)
            print(json.dumps([code, output]), flush=True)
            if code != 0:
                return


def _run(program: str, text: str, most: int, seconds: float) -> tuple[int | None, str]:
    given, written = Path("input"), Path("output")
    given.write_text(text, encoding="utf-8")
    with given.open("rb") as stdin, written.open("wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-I", program],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            preexec_fn=_bounding(most),
        )
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
    return code, written.read_bytes()[:most].decode("utf-8", "replace")


def _bounding(most: int) -> Callable[[], None]:
    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return bound


if __name__ == "__main__":
    main()
