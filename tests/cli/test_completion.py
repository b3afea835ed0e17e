"""`localqwq completion`: scripts that shells take, and that complete."""

import shutil
import subprocess

import pytest

from localqwq.cli.completion import SHELLS
from localqwq.cli.main import COMMANDS, main


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It knows every command; a shell that is here reads it without a complaint."""
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in COMMANDS)
    assert "split-max-size" in script
    if program := shutil.which(shell):
        read = subprocess.run([program, "-n"], input=script, text=True, capture_output=True)
        assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("localqwq con", {"conversations", "convert"}),
        ("localqwq models ver", {"verify"}),
        ("localqwq serve --uds", {"--uds"}),
        ("localqwq plan x --kv q", {"q8_0", "q4_0"}),
    ],
)
def test_bash_completes(typed: str, wanted: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What bash itself offers for words that were typed."""
    assert main(["completion", "bash"]) == 0
    words = typed.split()
    script = f"""
        {capsys.readouterr().out}
        COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
        _shtab_localqwq localqwq {words[-1]} {words[-2]}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == wanted


def test_an_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    """Is wrong usage."""
    assert main(["completion", "ksh"]) == 2
    assert "ksh" in capsys.readouterr().err
