"""Attempts to get out of a sandbox, as a table: each is Python code that ends only if it succeeded.

The code runs in a process of its own within the sandbox, in the scratch folder. ``outside`` is a
folder that was not granted but that everyone may use; ``opened`` was granted for reading, and has a
link ``opened/link`` to ``outside``; ``victim`` is a process of the same user. Without a sandbox,
most of them succeed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt."""

    name: str
    code: str


NAMES = {
    "its path": "outside",
    "a relative path": "os.path.relpath(outside)",
    "a link of one's own": "linked(outside)",
    "a link in an opened folder": "opened + '/link'",
    "dots behind an opened folder": "opened + '/../outside'",
    "the root in /proc": "'/proc/self/root' + outside",
    "the folder in /proc": "'/proc/self/cwd/' + os.path.relpath(outside)",
    "a descriptor": "'/proc/self/fd/%d' % os.open(outside, os.O_PATH)",
    "the current folder": "entered(outside)",
}
"""Ways to name the folder outside."""

ACTS = {
    "read": "assert open(place + '/secret').read()",
    "map": """
        with open(place + '/secret', 'rb') as file:
            assert mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[:]
        """,
    "send": """
        own, file = os.open('own', os.O_RDWR | os.O_CREAT), os.open(place + '/secret', os.O_RDONLY)
        assert os.sendfile(own, file, 0, 10)
        """,
    "copy a range": """
        own, file = os.open('own', os.O_RDWR | os.O_CREAT), os.open(place + '/secret', os.O_RDONLY)
        assert os.copy_file_range(file, own, 10)
        """,
    "open again": """
        file = os.open(place + '/secret', os.O_PATH)
        assert os.read(os.open('/proc/self/fd/%d' % file, os.O_RDONLY), 10)
        """,
    "write": "os.write(os.open(place + '/secret', os.O_WRONLY), b'x')",
    "append": "os.write(os.open(place + '/secret', os.O_WRONLY | os.O_APPEND), b'x')",
    "truncate": "os.truncate(place + '/secret', 0)",
    "create": "open(place + '/new', 'w')",
    "remove": "os.unlink(place + '/secret')",
    "rename": "os.rename(place + '/secret', place + '/renamed')",
    "move here": "os.rename(place + '/secret', 'moved')",
    "replace": "open('own', 'w'); os.rename('own', place + '/secret')",
    "link here": "os.link(place + '/secret', 'hard'); assert open('hard').read()",
    "link there": "open('own', 'w'); os.link('own', place + '/hard')",
    "make a link": "os.symlink('/', place + '/soft')",
    "make a folder": "os.mkdir(place + '/folder')",
    "remove a folder": "os.rmdir(place + '/empty')",
    "list": "assert 'secret' in os.listdir(place)",
    "change the mode": "os.chmod(place + '/own', 0o777)",
    "change the time": """
        os.utime(place + '/own', (1, 1))
        assert os.stat(place + '/own').st_mtime == 1
        """,
    "make a pipe": "os.mkfifo(place + '/pipe')",
    "run a program": "assert subprocess.run([place + '/program']).returncode == 0",
    "make a file without a name": """
        file = os.open(place, os.O_TMPFILE | os.O_RDWR)
        os.link('/proc/self/fd/%d' % file, place + '/named', follow_symlinks=True)
        """,
}
"""What is done there."""

_SYSTEM_FILES = (
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/fstab",
    "/etc/nsswitch.conf",
    "/etc/machine-id",
    "/var/lib/dpkg/status",
    "/dev/mem",
    "/dev/kmsg",
    "/dev/kvm",
    "/dev/fuse",
    "/dev/net/tun",
    "/dev/vda",
    "/sys/kernel/notes",
    "/sys/kernel/vmcoreinfo",
)
_SYSTEM_FOLDERS = ("/home", "/root", "/var", "/var/log", "/run", "/boot", "/sys", "/srv", "/mnt")

_FAMILIES = {"INET": 2, "INET6": 10, "UNIX": 1, "NETLINK": 16, "PACKET": 17, "VSOCK": 40, "ALG": 38}
_KINDS = {"streams": 1, "datagrams": 2, "raw packets": 3, "sequences": 5}

NETWORK = {
    "a port": "socket.create_connection(('127.0.0.1', port), 2)",
    "a port of IPv6": "socket.create_connection(('::1', port), 2)",
    "a datagram": """
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port))
        """,
    "a socket's path": "socket.socket(socket.AF_UNIX).connect(outside + '/../socket')",
    "an abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0' + outside)",
    "a datagram by a pair": """
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        pair[0].sendto(b'x', outside + '/../datagrams')
        """,
    "a pair of sequences": "socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)",
    "a server": "socket.create_server(('127.0.0.1', 0))",
    "a server's path": "socket.socket(socket.AF_UNIX).bind('own')",
    "a name": "assert socket.getaddrinfo('localhost', 80, proto=6) and socket.socket()",
    "interfaces": "socket.if_nameindex()",
}

_SIGNALS = {"a test": 0, "an end": 15, "a stop": 19, "a kill": 9, "a word": 10}
PROCESSES = {
    **{f"signal {name}": f"os.kill(victim, {number})" for name, number in _SIGNALS.items()},
    "signal its group": "os.killpg(victim, 0)",
    "signal its thread": "call('tgkill', victim, victim, 0)",
    "signal a thread": "call('tkill', victim, 0)",
    "queue a signal": "call('rt_sigqueueinfo', victim, 0, pad)",
    "signal by a descriptor": "signal.pidfd_send_signal(os.pidfd_open(victim), 0)",
    "take a descriptor": "call('pidfd_getfd', os.pidfd_open(victim), 0, 0)",
    "trace": "call('ptrace', 16, victim, 0, 0)",
    "seize": "call('ptrace', 0x4206, victim, 0, 0)",
    "be traced": "call('ptrace', 0, 0, 0, 0)",
    "read its memory": "call('process_vm_readv', victim, pad, 1, pad, 1, 0)",
    "write its memory": "call('process_vm_writev', victim, pad, 1, pad, 1, 0)",
    "compare": "call('kcmp', victim, victim, 1, 0, 0)",
    "limit it": "resource.prlimit(victim, resource.RLIMIT_NOFILE, (4, 4))",
    "slow it": "os.setpriority(os.PRIO_PROCESS, victim, 19)",
    "slow all": "os.setpriority(os.PRIO_USER, 0, 19)",
    "slow its disk": "call('ioprio_set', 1, victim, 0x6007)",
    "pin it": "os.sched_setaffinity(victim, {0})",
    "schedule it": "os.sched_setscheduler(victim, os.SCHED_BATCH, os.sched_param(0))",
    "read its environment": "assert open(f'/proc/{victim}/environ').read()",
    "read its words": "assert 'sleep' in open(f'/proc/{victim}/cmdline').read()",
    "read its map": "assert open(f'/proc/{victim}/maps').read()",
    "open its memory": "open(f'/proc/{victim}/mem', 'rb')",
    "list its files": "assert os.listdir(f'/proc/{victim}/fd')",
    "enter its root": "assert 'secret' in os.listdir(f'/proc/{victim}/root' + outside)",
    "score it": "open(f'/proc/{victim}/oom_score_adj', 'w').write('1000')",
    "begin a session": "os.setsid()",
    "begin a group": "os.setpgid(0, 0)",
    "list processes": "assert str(victim) in os.listdir('/proc')",
}

KERNEL = {
    "mount": "call('mount', b'none', b'.', b'tmpfs', 0, 0)",
    "mount anew": "call('mount', b'none', b'/', None, 0x20 | 0x1000, None)",
    "unmount": "call('umount2', b'/proc', 2)",
    "a new mount": "call('fsopen', b'tmpfs', 0)",
    "a tree": "call('open_tree', -100, b'/', 1)",
    "another root": "os.chroot('.')",
    "a pivot": "call('pivot_root', b'.', b'.')",
    **{
        f"namespaces of {name}": f"call('unshare', {flag:#x})"
        for name, flag in {
            "users": 0x10000000,
            "mounts": 0x20000,
            "processes": 0x20000000,
            "the network": 0x40000000,
            "messages": 0x8000000,
            "names": 0x4000000,
            "groups": 0x2000000,
        }.items()
    },
    "a clone in namespaces": "call('clone', 0x10000000 | 17, 0, 0, 0, 0)",
    "a clone by a structure": "call('clone3', pad, 88)",
    "another's namespace": "call('setns', os.open(f'/proc/{victim}/ns/net', os.O_RDONLY), 0)",
    "a ring": "call('io_uring_setup', 4, pad)",
    "a program of the kernel": "call('bpf', 0, pad, 120)",
    "events": "call('perf_event_open', pad, 0, -1, -1, 0)",
    "faults": "call('userfaultfd', 1)",
    "keys": "call('keyctl', 0, -3, 1, 0, 0)",
    "a key": "call('add_key', b'user', b'name', b'value', 5, -3)",
    "a request of keys": "call('request_key', b'user', b'name', None, -3)",
    "shared memory": "library.shmctl(call('shmget', 0, 4096, 0o1600), 0, None)",
    "messages": "library.msgctl(call('msgget', 0, 0o1600), 0, None)",
    "semaphores": "library.semctl(call('semget', 0, 1, 0o1600), 0, 0)",
    "a queue": "call('mq_open', b'localqwq', 0o102, 0o600, 0); call('mq_unlink', b'localqwq')",
    "memory as a file": "os.memfd_create('own')",
    "secret memory": "call('memfd_secret', 0)",
    "a handle": "call('name_to_handle_at', -100, outside.encode() + b'/secret', pad, pad, 0)",
    "an old handle": "call('open_by_handle_at', -100, pad, 0)",
    "modules": "call('init_module', pad, 1, b'')",
    "a module": "call('finit_module', 0, b'', 0)",
    "no module": "call('delete_module', b'none', 0)",
    "another kernel": "call('kexec_load', 0, 0, 0, 0)",
    "swap": "call('swapon', b'own', 0)",
    "a restart": "call('reboot', 0xfee1dead, 672274793, 0, 0)",
    "the clock": "call('settimeofday', pad, 0)",
    "its speed": "call('adjtimex', pad)",
    "the name": "socket.sethostname('other')",
    "the log": "call('syslog', 10, 0, 0)",
    "accounts": "call('acct', b'own')",
    "quotas": "call('quotactl', 0x80000100, 0, 0, pad)",
    "another personality": "call('personality', 0x0040000)",
    "a hang-up": "call('vhangup')",
    "watching files": "call('inotify_init1', 0)",
    "watching all files": "call('fanotify_init', 0, 0)",
    "moving pages": "call('move_pages', victim, 0, 0, 0, 0, 0)",
    "a device": "os.mknod('device', 0o20666, os.makedev(1, 3))",
    "a later call": "call(462)",
    "a call of x32": "call(0x40000000 + 41, 2, 1, 0)",
    "a call of 32 bits": """
        # mov eax, 359 (socket); mov ebx, 2; mov ecx, 1; xor edx, edx; int 0x80; ret
        code = bytes.fromhex('b867010000bb02000000b90100000031d2cd80c3')
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() >= 0
        """,
    "typing for others": """
        fcntl.ioctl(os.open('/dev/tty', os.O_RDWR), 0x5412, b'x')
        """,
}

OTHER = {
    "the environment": "assert any(told['secret'] in value for value in os.environ.values())",
    "the environment in /proc": "assert told['secret'] in open('/proc/self/environ').read()",
    "an inherited descriptor": """
        for number in range(3, 256):
            if number not in kept:
                with contextlib.suppress(OSError):
                    os.fstat(number)
                    break
        else:
            raise OSError
        """,
    "the parent's words": "assert 'supervisor' in open(f'/proc/{os.getppid()}/cmdline').read()",
    "the temporary folder": "assert told['beside'] in os.listdir('/tmp')",
    "a file there": "left_in('/tmp')",
    "shared memory's folder": "left_in('/dev/shm')",
    "more memory": """
        kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)  # of a program, of a server
        for kind in kinds:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(kind, (-1, -1))
        assert [resource.getrlimit(kind) for kind in kinds] == [(-1, -1), (-1, -1)]
        """,
    "more processes": "resource.setrlimit(resource.RLIMIT_NPROC, (-1, -1))",
    "being root": "os.setuid(0)",
    "being a group": "os.setgroups([0])",
}


def _of(title: str, table: dict[str, str]) -> Iterator[Attempt]:
    for name, code in table.items():
        yield Attempt(f"{title}: {name}", dedent(code).strip())


def _files() -> Iterator[Attempt]:
    for way, name in NAMES.items():
        for act, code in ACTS.items():
            yield Attempt(f"{act} by {way}", f"place = {name}\n{dedent(code).strip()}")


def _system() -> Iterator[Attempt]:
    for path in _SYSTEM_FILES:
        yield Attempt(f"read {path}", f"assert os.read(os.open({path!r}, os.O_RDONLY), 1)")
    for path in _SYSTEM_FOLDERS:
        yield Attempt(f"list {path}", f"assert os.listdir({path!r})")


def _sockets() -> Iterator[Attempt]:
    for family, number in _FAMILIES.items():
        for kind, value in _KINDS.items():
            yield Attempt(f"{kind} of {family}", f"call('socket', {number}, {value}, 0)")


ATTEMPTS = (
    *_files(),
    *_system(),
    *_sockets(),
    *_of("network", NETWORK),
    *_of("processes", PROCESSES),
    *_of("kernel", KERNEL),
    *_of("other", OTHER),
)

HARNESS = """
import contextlib, ctypes, errno, fcntl, json, mmap, os, resource, signal, socket, subprocess, sys
told = json.load(open(sys.argv[1]))
outside, opened, port, victim = told['outside'], told['opened'], told['port'], told['victim']
numbers, pad = told['numbers'], ctypes.create_string_buffer(4096)
library = ctypes.CDLL(None, use_errno=True)
kept = set()
scratch = os.getcwd()

def call(which, *arguments):
    number = numbers[which] if isinstance(which, str) else which
    result = library.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def left_in(folder):
    # In a private folder, this is allowed: whether it is one is seen from outside.
    path = os.path.join(folder, told['left'])
    open(path, 'w')
    assert not told['confined']
    os.unlink(path)

def linked(path):
    os.symlink(path, 'link-%d' % os.getpid())
    return 'link-%d' % os.getpid()

def entered(path):
    os.chdir(path)
    return '.'

if not told['confined']:
    exec(told['renew'])

got_out, spare = [], None
for name, code in told['attempts']:
    if not told['confined']:  # what was done before is undone
        if name.startswith('processes'):
            spare = subprocess.Popen(['sleep', '600'], start_new_session=True)
            victim = spare.pid
        elif ' by ' in name:
            renew_outside(told['place'])
    child = os.fork()
    if not child:
        signal.alarm(20)
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(quiet, number)
        if quiet > 2:
            os.close(quiet)
        try:
            exec(code)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        got_out.append(name)
    if spare is not None:
        spare.kill()
        spare.wait()
        spare = None
print(json.dumps({'tried': len(told['attempts']), 'got_out': got_out}))
"""

RENEW = """
import shutil
from pathlib import Path

def renew_outside(place):
    outside = Path(place, 'outside')
    shutil.rmtree(outside, ignore_errors=True)
    outside.mkdir()
    (outside / 'empty').mkdir()
    for name, text in (('secret', 'a secret'), ('own', 'own'), ('program', PROGRAM)):
        (outside / name).write_text(text)
    for path in (outside, *outside.iterdir()):
        path.chmod(0o777)

PROGRAM = '#!/bin/sh\\nexit 0\\n'
"""
"""Makes the folder outside as it was, as the user who runs it."""
