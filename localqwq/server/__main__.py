"""``python -m localqwq.server``: the server as a process of its own."""

import argparse
import os
import sys
from pathlib import Path
from typing import get_args

from localqwq.engine.context import KvType
from localqwq.engine.rope import RopeMode
from localqwq.errors import LocalqwqError
from localqwq.planning.load_mode import LoadMode
from localqwq.server.launch import Launch
from localqwq.server.main import ServerOptions, run_server


def main() -> int:
    """Serve what the command line names; 1 after one ``error:`` line when that fails."""
    arguments = _parser().parse_args()
    options = ServerOptions(
        launch=Launch(
            model=arguments.model,
            name=arguments.name or arguments.model.stem,
            context=arguments.ctx,
            gpu_layers=arguments.gpu_layers,
            devices=arguments.devices,
            expected=arguments.expected,
            tensor_split=arguments.tensor_split,
            rpc=arguments.rpc,
            repack=arguments.repack == 1,
            load_mode=arguments.load_mode,
            threads=arguments.threads,
            parallel=arguments.parallel,
            longest=arguments.longest,
            rope=arguments.rope,
            kv_type=arguments.kv,
            states=arguments.states,
            defaults=arguments.defaults,
        ),
        host=arguments.host,
        port=arguments.port,
        uds=arguments.uds,
        descriptor=arguments.fd,
        api_key=os.environ.get("LOCALQWQ_API_KEY") or None,
        allow_origins=tuple(arguments.allow_origin),
        parent_pipe=arguments.parent_pipe,
    )
    try:
        return run_server(options)
    except LocalqwqError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localqwq.server",
        description="Serves one GGUF file. The key comes from LOCALQWQ_API_KEY.",
    )
    parser.add_argument("--model", type=Path, required=True, help="GGUF file")
    parser.add_argument("--name", help="the model's id for clients (default: the file's name)")
    parser.add_argument("--ctx", type=int, required=True, metavar="N", help="context in tokens")
    parser.add_argument("--longest", type=int, metavar="N", help="what the context may grow to")
    parser.add_argument("--parallel", type=int, default=4, metavar="N", help="requests at once")
    parser.add_argument(
        "--rope", choices=get_args(RopeMode), default="auto", help="scaling for long contexts"
    )
    parser.add_argument(
        "--kv", choices=get_args(KvType), default="f16", help="type of the KV cache"
    )
    parser.add_argument("--states", type=Path, metavar="DIR", help="keep KV states there")
    parser.add_argument("--defaults", metavar="JSON", help="what requests do not say")
    parser.add_argument("--gpu-layers", type=int, default=0, metavar="N")
    parser.add_argument("--devices", type=_words, metavar="NAME,NAME", help="empty: none")
    parser.add_argument("--expected", metavar="JSON", help="what the plan says of each place")
    parser.add_argument("--tensor-split", type=_layers, default=(), metavar="N,N")
    parser.add_argument("--rpc", type=_words, default=(), metavar="HOST:PORT,HOST:PORT")
    parser.add_argument("--repack", type=int, choices=(0, 1), default=1)
    parser.add_argument("--load-mode", choices=get_args(LoadMode), default="mmap")
    parser.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 picks a free one")
    parser.add_argument("--uds", type=Path, metavar="PATH", help="listen on a Unix socket instead")
    parser.add_argument("--fd", type=int, metavar="N", help="listen on this open socket instead")
    parser.add_argument("--allow-origin", action="append", default=[], metavar="ORIGIN")
    parser.add_argument("--parent-pipe", action="store_true", help="end when stdin closes")
    return parser


def _layers(text: str) -> tuple[int, ...]:
    """Layers of each device, separated by commas."""
    return tuple(map(int, text.split(",")))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


if __name__ == "__main__":
    sys.exit(main())
