"""Run the server as a separate process: ``python -m localqwq.server``."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.interruption import interrupted
from localqwq.models.launch import Launch
from localqwq.server.door import ServerOptions
from localqwq.server.engine.messages import MAX_WAITING
from localqwq.server.http.keys import Key
from localqwq.server.http.responses.store import ResponseStore
from localqwq.server.pool.source import OneModel
from localqwq.server.supervision.single import run_server


def main() -> int:
    """Serve as the command line says; return 1 after one ``error:`` line if that fails."""
    arguments = _parser().parse_args()
    if arguments.parent_pipe:
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    key = os.environ.get("LOCALQWQ_API_KEY")
    try:
        return run_server(
            ServerOptions(
                models=OneModel(Launch.from_json(arguments.launch)),
                host=arguments.host,
                port=arguments.port,
                uds=arguments.uds,
                descriptor=arguments.fd,
                keys=(Key("default", key),) if key else (),
                allow_origins=tuple(arguments.allow_origin),
                allow_hosts=tuple(arguments.allow_host),
                responses=ResponseStore(arguments.responses) if arguments.responses else None,
                queue=arguments.queue,
            )
        )
    except LocalqwqError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return interrupted()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localqwq.server",
        description="Serve one GGUF file. The API key is read from LOCALQWQ_API_KEY.",
    )
    parser.add_argument(
        "launch",
        metavar="JSON",
        help=("JSON that describes what to load, see localqwq.models.launch"),
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 picks a free one")
    parser.add_argument("--uds", type=Path, metavar="PATH", help="listen on a Unix socket instead")
    parser.add_argument("--fd", type=int, metavar="N", help="listen on this open socket instead")
    parser.add_argument("--allow-origin", action="append", default=[], metavar="ORIGIN")
    parser.add_argument("--allow-host", action="append", default=[], metavar="HOST")
    parser.add_argument("--responses", type=Path, metavar="FILE", help="store responses here")
    parser.add_argument("--queue", type=int, default=MAX_WAITING, metavar="N")
    parser.add_argument("--parent-pipe", action="store_true", help="end when stdin closes")
    return parser


def _end_with_parent() -> None:
    # Not sys.stdin: its lock, held by a waiting thread, would break interpreter shutdown.
    while os.read(0, 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
