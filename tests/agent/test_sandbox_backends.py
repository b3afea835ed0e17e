"""What the back ends are told, and what is said where none works."""

import errno
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.agent.sandbox import choosing, seccomp
from localqwq.agent.sandbox.job import BackendName, Job
from localqwq.agent.sandbox.seatbelt import profile
from localqwq.errors import LocalqwqError

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
MACHINES = sorted(seccomp.ARCHITECTURES)


def verdict(machine: str, number: int, arguments: tuple[int, ...] = (), **what: bool) -> int:
    """What the filter says about a system call, by running it as the kernel does."""
    architecture = seccomp.ARCHITECTURES[machine]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("platform.machine", lambda: machine)
        text = seccomp.program(**{"files": True, "signals": True, **what})
    values = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, architecture.number, 0, *values)
    instructions = list(struct.iter_unpack("HBBI", text))
    held, at = 0, 0
    while True:
        code, true, false, value = instructions[at]
        at += 1
        match code:
            case 0x20:
                (held,) = struct.unpack_from("<I", data, value)
            case 0x54:
                held &= value
            case 0x15:
                at += true if held == value else false
            case 0x35:
                at += true if held >= value else false
            case 0x06:
                return int(value)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_has_a_verdict(machine: str) -> None:
    """The refused ones are refused, the newest unknown, and all others allowed."""
    calls = seccomp.ARCHITECTURES[machine].calls
    depends = {"clone", "socketpair", "ioctl", "setpriority", "prlimit64"}
    depends |= {name for name in calls if name.startswith("sched_set")}
    ignored = {"utime", "utimes", "utimensat", "futimesat"}
    named = {number: name for name, number in calls.items()}
    for number in range(600):
        name = named.get(number)
        if name in depends:
            continue
        error = errno.EPERM if name else errno.ENOSYS if number >= 457 else None
        if name == "clone3":
            error = errno.ENOSYS
        if name in ignored:
            error = 0
        expected = ALLOW if error is None else ERRNO | error
        assert verdict(machine, number) == expected, name or number


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_decide(machine: str) -> None:
    """Ordinary threads, connected pairs and one's own limits are allowed; others are not."""
    calls = seccomp.ARCHITECTURES[machine].calls
    refused = ERRNO | errno.EPERM
    assert verdict(machine, calls["clone"], (0x3D0F00,)) == ALLOW
    assert verdict(machine, calls["clone"], (0x10000011,)) == refused
    assert verdict(machine, calls["socketpair"], (1, 0x80801)) == ALLOW
    for pair in ((1, 2), (1, 5), (2, 1), (1, 0x80802)):
        assert verdict(machine, calls["socketpair"], pair) == refused
    assert verdict(machine, calls["prlimit64"], (0, 7)) == ALLOW
    assert verdict(machine, calls["prlimit64"], (1234, 7)) == refused
    assert verdict(machine, calls["setpriority"], (0, 0, 5)) == ALLOW
    assert verdict(machine, calls["setpriority"], (2, 0, 5)) == refused
    assert verdict(machine, calls["ioctl"], (0, 0x5412)) == refused
    assert verdict(machine, calls["ioctl"], (0, 0x5401)) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_the_network_is_that_of_the_internet(machine: str) -> None:
    """Streams and datagrams of both versions; no other socket leads anywhere."""
    calls = seccomp.ARCHITECTURES[machine].calls
    allowed = {(2, 1), (2, 2), (10, 1), (10, 2), (2, 0x80801)}
    for family in (1, 2, 10, 16, 17, 38, 40):
        for kind in (1, 2, 3, 5, 0x80801):
            found = verdict(machine, calls["socket"], (family, kind), network=True)
            expected = ALLOW if (family, kind & 0xF) in allowed else ERRNO | errno.EPERM
            assert found == expected, (family, kind)
    for name in ("connect", "bind", "listen"):
        assert verdict(machine, calls[name], network=True) == ALLOW
        assert verdict(machine, calls[name]) == ERRNO | errno.EPERM
    assert verdict(machine, calls["ptrace"], network=True) == ERRNO | errno.EPERM


def test_other_numberings_are_fatal() -> None:
    """The 32-bit calls of the same processor have other numbers."""
    assert verdict("x86_64", 0x40000000 + 41) == KILL


def test_what_something_else_protects_is_allowed() -> None:
    """Modes in namespaces of their own, signals that cannot leave."""
    calls = seccomp.ARCHITECTURES["x86_64"].calls
    assert verdict("x86_64", calls["chmod"], files=False) == ALLOW
    assert verdict("x86_64", calls["kill"], signals=False) == ALLOW


@given(st.text(alphabet='a"\\() ;\n', min_size=1))
def test_a_folder_cannot_write_the_profile(name: str) -> None:
    """Of macOS's sandbox: whatever it is called, it is one quoted text."""
    job = Job(("/bin/true",), "seatbelt", Path("/scratch"), read=(Path("/", name),))
    plain = Job(("/bin/true",), "seatbelt", Path("/scratch"), read=(Path("/folder"),))

    def shape(text: str) -> str:
        """The profile without its texts."""
        found, quoted, escaped = [], False, False
        for character in text:
            if escaped:
                escaped = False
            elif quoted and character == "\\":
                escaped = True
            elif character == '"':
                quoted = not quoted
            elif not quoted:
                found.append(character)
        return "".join(found)

    assert shape(profile(job)) == shape(profile(plain))


def test_without_a_sandbox_the_reasons_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is run."""
    names: list[BackendName] = ["bubblewrap", "landlock"]
    monkeypatch.setattr(choosing, "installed", lambda: names)
    monkeypatch.setattr(choosing, "problem_of", lambda name: f"is broken, {name}")
    choosing.backend.cache_clear()
    with pytest.raises(LocalqwqError, match=r"bubblewrap is broken.*; landlock is broken"):
        choosing.backend()
    monkeypatch.setattr(choosing, "installed", list)
    with pytest.raises(LocalqwqError, match="no working sandbox"):
        choosing.backend()
    choosing.backend.cache_clear()
