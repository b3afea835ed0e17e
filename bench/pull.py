"""How fast a pack is pulled, hashed while it comes, against what curl writes to the same disk.

    python -m bench.pull [--mebibytes 4096] [--repeat 3]

The server is a process of its own on loopback, speaks the hub's protocol, and sends files by
sendfile as nginx does; curl and the real client fetch the same file from it, in turns. A pull ends
when the file is on the disk, by fsync. curl leaves that to the system, so it is timed twice: until
it ends, and until `sync` has written its file, too. curl checks nothing; what SHA-256 can do at
most here, and what `sha256sum` takes afterwards, is said beside it. Medians of all rounds.

What starting costs is measured apart: the whole command, in a process of its own, for a model of
one mebibyte.
"""

import argparse
import hashlib
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

import gguf
import numpy as np

from localqwq.packs.pull import pull
from tests.hub_server import serving

REPOSITORY, FILE, SPEC = "someone/Large-GGUF", "large-f32.gguf", "hf:someone/Large-GGUF:F32"
SMALL, SMALL_FILE, SMALL_SPEC = "someone/Small-GGUF", "small-f32.gguf", "hf:someone/Small-GGUF:F32"
WIDTH = 4096


def write_model(path: Path, mebibytes: int) -> None:
    """A valid header over so many random weights."""
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(1)
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    rows = (mebibytes << 20) // (4 * WIDTH)
    random = np.random.default_rng(0)
    writer.add_tensor("token_embd.weight", random.random((rows, WIDTH), dtype=np.float32))
    writer.add_tensor("blk.0.attn_q.weight", np.zeros((64, WIDTH), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(large: Path, small: Path, pipe: Connection) -> None:
    """Be the hub until the other end of the pipe is closed."""
    with serving() as hub:
        hub.publish(REPOSITORY, large)
        hub.publish(SMALL, small)
        pipe.send(hub.url)
        pipe.recv()


def timed_curl(url: str, target: Path) -> tuple[float, float]:
    """Seconds until curl ends, and until its file is on the disk."""
    began = perf_counter()
    subprocess.run(["curl", "-sSfL", "-o", target, url], check=True)
    fetched = perf_counter()
    subprocess.run(["sync", target], check=True)
    return fetched - began, perf_counter() - began


def timed_pull(folder: Path) -> float:
    """Seconds from the name to the installed pack."""
    os.environ["LOCALQWQ_DATA_DIR"] = str(folder)
    began = perf_counter()
    installed = pull(SPEC)
    seconds = perf_counter() - began
    for model in installed.models:
        model.path.unlink()
    return seconds


def timed_command(folder: Path) -> float:
    """Seconds of the whole command for a file that takes no time."""
    environment = os.environ | {"LOCALQWQ_DATA_DIR": str(folder)}
    began = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "localqwq", "pull", SMALL_SPEC],
        env=environment,
        check=True,
        capture_output=True,
    )
    return perf_counter() - began


def timed_sum(path: Path) -> float:
    """Seconds of sha256sum."""
    began = perf_counter()
    subprocess.run(["sha256sum", path], check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began


def hash_rate() -> float:
    """Mebibytes a second that SHA-256 takes at most here, in one thread."""
    block, size = bytes(1 << 20), 512
    digest = hashlib.sha256()
    began = perf_counter()
    for _ in range(size):
        digest.update(block)
    return size / (perf_counter() - began)


def main() -> int:
    """Measure, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mebibytes", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        large, small, curled = folder / "large", folder / "small", folder / "curl.gguf"
        for place, name, size in ((large, FILE, arguments.mebibytes), (small, SMALL_FILE, 1)):
            place.mkdir()
            write_model(place / name, size)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        hub = context.Process(target=serve, args=(large, small, theirs), daemon=True)
        hub.start()
        url = ours.recv()
        os.environ |= {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf")}
        timed_command(folder / "first")  # the hub hashes its files, and Python compiles
        fetch = f"{url}/{REPOSITORY}/resolve/main/{FILE}"
        timed_curl(fetch, curled)
        summed = timed_sum(curled)
        rounds = []
        for number in range(arguments.repeat):
            curled.unlink()
            curl = timed_curl(fetch, curled)
            rounds.append(
                (*curl, timed_pull(folder / str(number)), timed_command(folder / f"small{number}"))
            )
        ours.send(None)
    curl_s, synced_s, pull_s, command_s = map(statistics.median, zip(*rounds, strict=True))
    size = arguments.mebibytes
    print(f"SHA-256 in one thread      {hash_rate():6.0f} MiB/s")
    print(f"curl                       {size / curl_s:6.0f} MiB/s")
    print(f"curl, sync                 {size / synced_s:6.0f} MiB/s")
    print(f"curl, sync, sha256sum      {size / (synced_s + summed):6.0f} MiB/s")
    print(f"pull: on disk and verified {size / pull_s:6.0f} MiB/s")
    print(f"  {synced_s / pull_s:.2f} of curl to disk, {curl_s / pull_s:.2f} of curl without sync")
    print(f"start-up, apart: the command for a model of 1 MiB takes {command_s:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
