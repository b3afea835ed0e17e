"""``python -m localqwq.server``: the server as a process of its own."""

import argparse
import os
import sys
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.server.main import ServerOptions, run_server
from localqwq.server.supervisor import Launch


def main() -> int:
    """Serve what the command line names; 1 after one ``error:`` line when that fails."""
    arguments = _parser().parse_args()
    options = ServerOptions(
        launch=Launch(
            model=arguments.model,
            name=arguments.name or arguments.model.stem,
            context=arguments.ctx,
            gpu_layers=arguments.gpu_layers,
            threads=arguments.threads,
        ),
        host=arguments.host,
        port=arguments.port,
        uds=arguments.uds,
        api_key=os.environ.get("LOCALQWQ_API_KEY") or None,
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
    parser.add_argument("--gpu-layers", type=int, default=0, metavar="N")
    parser.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 picks a free one")
    parser.add_argument("--uds", type=Path, metavar="PATH", help="listen on a Unix socket instead")
    parser.add_argument("--parent-pipe", action="store_true", help="end when stdin closes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
