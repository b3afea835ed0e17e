"""``localqwq serve``: an OpenAI-compatible server."""

import argparse
import os
import sys
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "serve",
        help="an OpenAI-compatible server",
        description="Serves one model at /v1; prints the address once it answers.",
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a .gguf, NAME[:QUANT] or demo")
    parser.add_argument("--host", default="127.0.0.1", help="other computers need the key")
    parser.add_argument("--port", type=_port, default=8080, metavar="N", help="0 picks a free one")
    parser.add_argument("--uds", type=Path, metavar="PATH", help="listen on a Unix socket instead")
    parser.add_argument("--api-key", metavar="KEY", help="clients must send it (LOCALQWQ_API_KEY)")
    parser.add_argument("--ctx", type=int, metavar="N", help="context in tokens")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from localqwq.cli.model import launch, resolve
    from localqwq.server.main import ServerOptions, run_server

    resolved = launch(resolve(arguments.model), arguments.ctx)
    print(f"Loading {resolved.name}, {resolved.context:,} tokens of context …", file=sys.stderr)
    return run_server(
        ServerOptions(
            launch=resolved,
            host=arguments.host,
            port=arguments.port,
            uds=arguments.uds,
            api_key=arguments.api_key or os.environ.get("LOCALQWQ_API_KEY") or None,
        )
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port: 0 to 65535")
    return port
