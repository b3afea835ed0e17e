"""Limits of control groups, read from files as the kernel writes them."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.hardware.cgroup import Limits, read_limits

NO_LIMIT_V1 = "9223372036854771712\n"


def tree(root: Path, files: dict[str, str]) -> Path:
    """The files below ``root``."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def limits(root: Path, membership: str, files: dict[str, str]) -> Limits:
    """The limits that a process of this membership has in a tree of these files."""
    path = root / "membership"
    path.write_text(membership)
    return read_limits(path, tree(root / "mount", files))


def test_no_cgroups(tmp_path: Path) -> None:
    """Other systems have no such files, and no limits."""
    assert read_limits(tmp_path / "absent", tmp_path / "nowhere") == Limits()


def test_version_2(tmp_path: Path) -> None:
    """The tightest group above the process counts; file cache is not in use."""
    files = {
        "outer/memory.max": "1000\n",
        "outer/memory.current": "900\n",
        "outer/memory.stat": "anon 100\ninactive_file 300\nactive_file 200\nshmem 7\n",
        "outer/cpu.max": "150000 100000\n",
        "outer/inner/memory.max": "max\n",
        "outer/inner/memory.current": "100\n",
        "outer/inner/cpu.max": "max 100000\n",
    }
    assert limits(tmp_path, "0::/outer/inner\n", files) == Limits(1000, 600, 1.5)


def test_the_limit_that_only_slows_down(tmp_path: Path) -> None:
    """``memory.high`` counts where it is lower, as beyond it a process hardly gets on."""
    files = {
        "memory.max": "1000\n",
        "memory.high": "800\n",
        "memory.current": "500\n",
        "memory.stat": "anon 350\ninactive_file 50\nactive_file 100\n",
    }
    assert limits(tmp_path, "0::/\n", files) == Limits(800, 450)
    assert limits(tmp_path, "0::/\n", files | {"memory.high": "max\n"}) == Limits(1000, 650)
    assert limits(tmp_path, "0::/\n", files | {"memory.max": "max\n"}) == Limits(800, 450)


def test_a_model_that_was_read_is_no_used_memory(tmp_path: Path) -> None:
    """Twenty gigabytes of it in the active page cache of a container of 23.5."""
    gib = 1 << 30
    current, stat = 23 * gib, f"{{0}}inactive_file {gib}\n{{0}}active_file {20 * gib}\n"
    v2 = {
        "memory.max": str(24 * gib),
        "memory.current": str(current),
        "memory.stat": stat.format(""),
    }
    v1 = {
        "memory/memory.limit_in_bytes": str(24 * gib),
        "memory/memory.usage_in_bytes": str(current),
        "memory/memory.stat": "active_file 1\n" + stat.format("total_"),
    }
    for version, (membership, files) in enumerate((("0::/\n", v2), ("4:memory:/\n", v1))):
        root = tmp_path / str(version)
        root.mkdir()
        assert limits(root, membership, files).memory_left == 22 * gib


def test_version_2_in_a_container(tmp_path: Path) -> None:
    """A container sees its own group at the root, under whatever name the host has for it."""
    files = {"memory.max": "4096\n", "memory.current": "1024\n", "cpu.max": "200000 100000\n"}
    assert limits(tmp_path, "0::/docker/abc\n", files) == Limits(4096, 3072, 2.0)


def test_version_1(tmp_path: Path) -> None:
    """Controllers have mounts of their own; an enormous number means no limit."""
    files = {
        "memory/memory.limit_in_bytes": NO_LIMIT_V1,
        "memory/memory.usage_in_bytes": "50\n",
        "memory/job/memory.limit_in_bytes": "2000\n",
        "memory/job/memory.usage_in_bytes": "700\n",
        "memory/job/memory.stat": "total_inactive_file 150\ntotal_active_file 50\n",
        "cpu/job/cpu.cfs_quota_us": "50000\n",
        "cpu/job/cpu.cfs_period_us": "100000\n",
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.cfs_period_us": "100000\n",
    }
    membership = "5:cpu,cpuacct:/job\n4:memory:/job\n1:name=systemd:/\n"
    assert limits(tmp_path, membership, files) == Limits(2000, 1500, 0.5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(membership=st.text(max_size=40), value=st.text(alphabet="0123456789 max-\n", max_size=12))
def test_strange_files_are_no_limits(tmp_path: Path, membership: str, value: str) -> None:
    """Whatever the files hold, reading them fails for nobody and leaves nothing negative."""
    files = dict.fromkeys(("memory.max", "memory.current", "memory.stat", "cpu.max"), value)
    path = tmp_path / "membership"
    path.write_bytes(membership.encode())
    for text in (membership.encode(), b"0::/\n"):
        path.write_bytes(text)
        found = read_limits(path, tree(tmp_path / "mount", files))
        assert found.memory_left is None or found.memory_left >= 0
        assert found.cores is None or found.cores >= 0
