"""A seccomp filter: system calls that no program in the sandbox needs, or that reach outside it.

Landlock leaves these open: sockets other than TCP, metadata of files, other processes' limits. A
kernel's newest calls are refused as unknown, so that a later one cannot be a way out.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_X32 = 0x40000000
_NEWEST = 457
"""The first system call that is refused as unknown."""
_NAMESPACES = 0x7E020000
"""The flags of ``clone`` that create namespaces."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _STREAM, _KIND = 1, 1, 0xF
_INET, _INET6, _DATAGRAMS = 2, 10, 2
_FILTER, _NO_NEW_PRIVS = 22, 38
_FILTER_MODE = 2

Refusal = tuple[str, int]
"""A system call's name, and the error with which it fails."""

_OUTSIDE = [
    "socket",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "mount",
    "umount2",
    "pivot_root",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "unshare",
    "setns",
    "keyctl",
    "add_key",
    "request_key",
    "reboot",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "settimeofday",
    "clock_settime",
    "adjtimex",
    "clock_adjtime",
    "sethostname",
    "setdomainname",
    "iopl",
    "ioperm",
    "modify_ldt",
    "syslog",
    "name_to_handle_at",
    "open_by_handle_at",
    "nfsservctl",
    "vhangup",
    "chroot",
    "memfd_create",
    "memfd_secret",
    "shmget",
    "shmat",
    "shmctl",
    "shmdt",
    "msgget",
    "msgsnd",
    "msgrcv",
    "msgctl",
    "semget",
    "semop",
    "semctl",
    "semtimedop",
    "mq_open",
    "mq_unlink",
    "fanotify_init",
    "inotify_init",
    "inotify_init1",
    "lookup_dcookie",
    "migrate_pages",
    "move_pages",
    "uselib",
    "ustat",
    "sysfs",
    "_sysctl",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "personality",
    "ioprio_set",
]
_OF_NETWORK = {"socket", "connect", "bind", "listen", "accept", "accept4"}
_GROUPS = ("setsid", "setpgid")
"""All processes stay in one group, so that they can be ended together."""
_METADATA = [
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "mknod",
    "mknodat",
]
_TIMES = ("utime", "utimes", "utimensat", "futimesat")
_SIGNALS = ("kill", "tkill", "tgkill")
_OF_OTHERS = (
    "prlimit64",
    "sched_setscheduler",
    "sched_setattr",
    "sched_setparam",
    "sched_setaffinity",
)
"""Their first argument is a process; 0 is the caller."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A kind of processor: its number, and those of its system calls."""

    number: int
    calls: dict[str, int]


def _numbers(text: str) -> dict[str, int]:
    pairs = (entry.split("=") for entry in text.split())
    return {name: int(number) for name, number in pairs}


# What both have beyond the last common number.
_COMMON = _numbers(
    "pidfd_send_signal=424 io_uring_setup=425 io_uring_enter=426 io_uring_register=427 "
    "open_tree=428 move_mount=429 fsopen=430 fsconfig=431 fsmount=432 fspick=433 pidfd_open=434 "
    "clone3=435 pidfd_getfd=438 process_madvise=440 mount_setattr=442 quotactl_fd=443 "
    "memfd_secret=447 fchmodat2=452"
)
_X86_64 = Architecture(
    0xC000003E,
    _COMMON
    | _numbers(
        "ioctl=16 shmget=29 shmat=30 shmctl=31 socket=41 connect=42 accept=43 bind=49 listen=50 "
        "socketpair=53 clone=56 kill=62 semget=64 semop=65 semctl=66 shmdt=67 msgget=68 msgsnd=69 "
        "msgrcv=70 msgctl=71 chmod=90 fchmod=91 chown=92 fchown=93 lchown=94 ptrace=101 syslog=103 "
        "setpgid=109 setsid=112 rt_sigqueueinfo=129 utime=132 mknod=133 uselib=134 personality=135 "
        "ustat=136 sysfs=139 setpriority=141 sched_setparam=142 sched_setscheduler=144 vhangup=153 "
        "modify_ldt=154 pivot_root=155 _sysctl=156 adjtimex=159 chroot=161 acct=163 "
        "sched_setaffinity=203 "
        "settimeofday=164 mount=165 umount2=166 swapon=167 swapoff=168 reboot=169 sethostname=170 "
        "setdomainname=171 iopl=172 ioperm=173 init_module=175 delete_module=176 quotactl=179 "
        "nfsservctl=180 setxattr=188 lsetxattr=189 fsetxattr=190 removexattr=197 lremovexattr=198 "
        "fremovexattr=199 tkill=200 lookup_dcookie=212 semtimedop=220 clock_settime=227 tgkill=234 "
        "utimes=235 mq_open=240 mq_unlink=241 kexec_load=246 add_key=248 request_key=249 "
        "keyctl=250 ioprio_set=251 inotify_init=253 migrate_pages=256 mknodat=259 fchownat=260 "
        "futimesat=261 fchmodat=268 unshare=272 move_pages=279 utimensat=280 accept4=288 "
        "inotify_init1=294 rt_tgsigqueueinfo=297 perf_event_open=298 fanotify_init=300 "
        "prlimit64=302 name_to_handle_at=303 open_by_handle_at=304 clock_adjtime=305 setns=308 "
        "process_vm_readv=310 process_vm_writev=311 kcmp=312 finit_module=313 sched_setattr=314 "
        "memfd_create=319 kexec_file_load=320 bpf=321 userfaultfd=323"
    ),
)
_AARCH64 = Architecture(
    0xC00000B7,
    _COMMON
    | _numbers(
        "setxattr=5 lsetxattr=6 fsetxattr=7 removexattr=14 lremovexattr=15 fremovexattr=16 "
        "lookup_dcookie=18 inotify_init1=26 ioctl=29 ioprio_set=30 mknodat=33 umount2=39 mount=40 "
        "pivot_root=41 nfsservctl=42 chroot=51 fchmod=52 fchmodat=53 fchownat=54 fchown=55 "
        "vhangup=58 quotactl=60 utimensat=88 acct=89 personality=92 unshare=97 kexec_load=104 "
        "init_module=105 delete_module=106 clock_settime=112 syslog=116 ptrace=117 "
        "sched_setparam=118 sched_setscheduler=119 kill=129 tkill=130 tgkill=131 "
        "sched_setaffinity=122 "
        "rt_sigqueueinfo=138 setpriority=140 reboot=142 setpgid=154 setsid=157 sethostname=161 "
        "setdomainname=162 settimeofday=170 adjtimex=171 mq_open=180 mq_unlink=181 msgget=186 "
        "msgctl=187 msgrcv=188 msgsnd=189 semget=190 semctl=191 semtimedop=192 semop=193 "
        "shmget=194 shmctl=195 shmat=196 shmdt=197 socket=198 socketpair=199 bind=200 listen=201 "
        "accept=202 connect=203 add_key=217 request_key=218 keyctl=219 clone=220 swapon=224 "
        "swapoff=225 migrate_pages=238 move_pages=239 rt_tgsigqueueinfo=240 perf_event_open=241 "
        "accept4=242 prlimit64=261 fanotify_init=262 name_to_handle_at=264 open_by_handle_at=265 "
        "clock_adjtime=266 setns=268 process_vm_readv=270 process_vm_writev=271 kcmp=272 "
        "finit_module=273 sched_setattr=274 memfd_create=279 bpf=280 userfaultfd=282 "
        "kexec_file_load=294"
    ),
)
ARCHITECTURES = {"x86_64": _X86_64, "aarch64": _AARCH64, "arm64": _AARCH64}


def is_supported() -> bool:
    """Return whether the system calls of this machine are known."""
    return platform.machine() in ARCHITECTURES


def program(*, files: bool, signals: bool, network: bool = False) -> bytes:
    """Return the filter for this machine, as the kernel and bubblewrap read it.

    ``files``: whether nothing else protects the metadata of files; ``signals``: whether nothing
    else keeps signals from processes outside; ``network``: whether ports may be used.
    """
    machine = ARCHITECTURES[platform.machine()]
    outside = [name for name in _OUTSIDE if not (network and name in _OF_NETWORK)]
    refused: list[Refusal] = [(name, errno.EPERM) for name in (*outside, *_GROUPS)]
    refused.append(("clone3", errno.ENOSYS))  # programs use clone then, whose flags are visible
    if files:
        refused += [(name, errno.EPERM) for name in _METADATA]
        refused += [(name, 0) for name in _TIMES]  # ignored: no program depends on them
    if signals:
        refused += [(name, errno.EPERM) for name in _SIGNALS]
    conditional = _CONDITIONAL | (_PORTS if network else {})
    return b"".join(_instructions(machine, refused, conditional))


def restrict(filter_: bytes) -> None:
    """Apply the filter to this process and all that it starts, for good. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(filter_, len(filter_))
    head = struct.pack("HxxxxxxP", len(filter_) // 8, ctypes.addressof(text))
    if library.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) or library.prctl(_FILTER, _FILTER_MODE, head, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _instructions(
    machine: Architecture, refused: Iterable[Refusal], conditional: Mapping[str, list[bytes]]
) -> Iterator[bytes]:
    yield _one(_LOAD, _ARCHITECTURE)
    yield _one(_EQUAL, machine.number, true=1)
    yield _one(_RETURN, _KILL)
    yield _one(_LOAD, _NUMBER)
    # The x32 numbers of x86_64 are above all others.
    yield _one(_AT_LEAST, _X32, false=1)
    yield _one(_RETURN, _KILL)
    yield _one(_AT_LEAST, _NEWEST, false=1)
    yield _one(_RETURN, _ERRNO | errno.ENOSYS)
    for name, error in refused:
        if (number := machine.calls.get(name)) is not None:
            yield _one(_EQUAL, number, false=1)
            yield _one(_RETURN, _ERRNO | error)
    for name, checks in conditional.items():
        body = b"".join(checks)
        yield _one(_EQUAL, machine.calls[name], false=len(body) // 8)
        yield body
    yield _one(_RETURN, _ALLOW)


def _one(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    """Return an instruction; ``true`` and ``false``: how many to skip."""
    return struct.pack("HBBI", code, true, false, value)


def _argument(number: int) -> bytes:
    """Return the instruction that loads the lower half of an argument; both are little-endian."""
    return _one(_LOAD, 16 + 8 * number)


_NO, _YES = _one(_RETURN, _ERRNO | errno.EPERM), _one(_RETURN, _ALLOW)
_SELF_ONLY = [_argument(0), _one(_EQUAL, 0, true=1), _NO, _YES]
_CONDITIONAL: dict[str, list[bytes]] = {
    "clone": [_argument(0), _one(_AND, _NAMESPACES), _one(_EQUAL, 0, true=1), _NO, _YES],
    # A connected pair is needed by event loops. One of datagrams could be sent anywhere.
    "socketpair": [
        _argument(0),
        _one(_EQUAL, _UNIX, true=1),
        _NO,
        _argument(1),
        _one(_AND, _KIND),
        _one(_EQUAL, _STREAM, true=1),
        _NO,
        _YES,
    ],
    "ioctl": [
        _argument(1),
        _one(_EQUAL, _TIOCSTI, true=1),
        _one(_EQUAL, _TIOCLINUX, false=1),
        _NO,
        _YES,
    ],
    # Of one process (0), and that the caller.
    "setpriority": [
        _argument(0),
        _one(_EQUAL, 0, true=1),
        _NO,
        _argument(1),
        _one(_EQUAL, 0, true=1),
        _NO,
        _YES,
    ],
    **dict.fromkeys(_OF_OTHERS, _SELF_ONLY),
}
"""What depends on arguments."""
_PORTS = {
    # Only of the internet's families: other sockets lead to programs of this machine.
    "socket": [
        _argument(0),
        _one(_EQUAL, _INET, true=2),
        _one(_EQUAL, _INET6, true=1),
        _NO,
        _argument(1),
        _one(_AND, _KIND),
        _one(_EQUAL, _STREAM, true=2),
        _one(_EQUAL, _DATAGRAMS, true=1),
        _NO,
        _YES,
    ],
}
"""The same for a program that may use the network."""
