"""How fast a pack is pulled, hashed while it comes, against what curl writes to the same disk.

    python -m bench.pull [--mebibytes 1024] [--repeat 3]

The server is a process of its own on loopback and speaks the hub's protocol; the real client asks
it. Medians of some rounds; in each, both fetch the same file. curl checks nothing: what sha256sum
takes for that afterwards is said, too.
"""

import argparse
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


def serve(folder: Path, pipe: Connection) -> None:
    """Be the hub until the other end of the pipe is closed."""
    with serving() as hub:
        hub.publish(REPOSITORY, folder)
        pipe.send(hub.url)
        pipe.recv()


def timed_curl(url: str, folder: Path) -> tuple[float, float]:
    """Seconds of the download, and of hashing what came."""
    target = folder / "curl.gguf"
    began = perf_counter()
    subprocess.run(["curl", "-sSfL", "-o", target, url], check=True)
    fetched = perf_counter()
    subprocess.run(["sha256sum", target], check=True, stdout=subprocess.DEVNULL)
    hashed = perf_counter()
    target.unlink()
    return fetched - began, hashed - fetched


def timed_pull(folder: Path) -> float:
    """Seconds from the name to the installed pack."""
    os.environ["LOCALQWQ_DATA_DIR"] = str(folder / "data")
    began = perf_counter()
    installed = pull(SPEC)
    seconds = perf_counter() - began
    for model in installed.models:
        model.path.unlink()
    return seconds


def main() -> int:
    """Measure, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "repository").mkdir()
        write_model(folder / "repository" / FILE, arguments.mebibytes)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        hub = context.Process(target=serve, args=(folder / "repository", theirs), daemon=True)
        hub.start()
        url = ours.recv()
        os.environ |= {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf")}
        rounds = []
        for number in range(arguments.repeat):
            (place := folder / str(number)).mkdir()
            curl = timed_curl(f"{url}/{REPOSITORY}/resolve/main/{FILE}", place)
            rounds.append((*curl, timed_pull(place)))
        ours.send(None)
    curl_s, hash_s, pull_s = (statistics.median(column) for column in zip(*rounds, strict=True))
    size = arguments.mebibytes
    print(f"curl        {size / curl_s:7.0f} MiB/s")
    print(f"curl + hash {size / (curl_s + hash_s):7.0f} MiB/s")
    print(f"pull        {size / pull_s:7.0f} MiB/s, {curl_s / pull_s:.2f} of curl alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
