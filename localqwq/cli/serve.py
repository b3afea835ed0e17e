"""``localqwq serve``: run an OpenAI-compatible server."""

import argparse
import os
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.cli.launch_options import add_launch_options
from localqwq.cli.model_argument import add_model
from localqwq.cli.serve_models import PARALLEL
from localqwq.cli.template_options import add_chat_template
from localqwq.cli.words import command_words
from localqwq.durations import NEVER
from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.server.http.keys import Key
    from localqwq.server.http.responses.store import ResponseStore
    from localqwq.server.tls import Certificate
    from localqwq.settings.sections import ResponseSettings


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "serve",
        help="run an OpenAI-compatible server",
        description="Serve one model, or all installed ones, through the APIs of OpenAI (at /v1), "
        "Anthropic and Ollama, and print the address when ready. Without MODEL, a model is loaded "
        "when a request names it, and unloaded when it has been idle for some time. If an engine "
        "crashes, it is restarted, with a smaller context if memory ran out.",
    )
    add_model(parser, help_text=help_texts.SERVED_MODEL)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s); any but loopback requires --api-key",
    )
    parser.add_argument(
        "--port",
        type=types.whole(0, 65535),
        default=8080,
        metavar="N",
        help="port to listen on (default: 8080); 0 picks a free one",
    )
    parser.add_argument("--uds", type=Path, metavar="PATH", help="listen on a Unix socket instead")
    parser.add_argument(
        "--api-key", metavar="KEY", help="key that clients must send (default: $LOCALQWQ_API_KEY)"
    )
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="file with further keys, their names and what each may be used for (docs/serve.md)",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="allow web pages from this origin to use the server; repeatable",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="accept requests whose Host header is this, such as host.docker.internal; repeatable",
    )
    parser.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="certificate in PEM, to serve https"
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key in PEM")
    parser.add_argument(
        "--log-requests",
        action="store_true",
        help="print a line for each request (address, route, status, duration, size), and say "
        "where a cached prompt had to be processed again; never print contents",
    )
    parser.add_argument(
        "--no-store",
        action="store_true",
        help="do not store responses of /v1/responses, so that they cannot be continued or read "
        "later",
    )
    add_chat_template(parser)
    parser.add_argument(
        "--queue",
        type=types.whole(0, 100_000),
        default=32,
        metavar="N",
        help="requests that may wait beyond --parallel; more are refused with 429 (default: 32)",
    )
    parser.add_argument(
        "--idle",
        type=types.duration,
        metavar="TIME",
        help="time without a request after which a model leaves memory, such as 10m, or never "
        "(default: the setting, which is 10m unless changed; never if MODEL is given)",
    )
    add_launch_options(parser, str(PARALLEL))
    service = parser.add_mutually_exclusive_group()
    service.add_argument(
        "--install-service",
        action="store_true",
        help="instead of serving, write a service file with these options (systemd or launchd)",
    )
    service.add_argument("--remove-service", action="store_true", help="remove the service file")
    parser.set_defaults(words=lambda arguments: command_words(parser, arguments))


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if arguments.install_service or arguments.remove_service:
        return _change_service(arguments)

    from localqwq.cli.engine_ahead import engine_ahead
    from localqwq.server.listener import tcp_listener
    from localqwq.server.openness import check_keys

    with ExitStack() as stack:
        if arguments.model is not None:
            stack.enter_context(engine_ahead())
        keys = _keys(arguments)
        # Nobody wants to load a model before that.
        check_keys(arguments.host, arguments.uds, keys)
        if arguments.uds is None:
            with tcp_listener(arguments.host, arguments.port):
                pass  # it is free
        return _serve(arguments, keys, _certificate(arguments), stack)


def _serve(
    arguments: argparse.Namespace,
    keys: "tuple[Key, ...]",
    certificate: "Certificate | None",
    stack: ExitStack,
) -> int:
    from localqwq.cli.serve_models import all_models, one_model
    from localqwq.cli.settings import read_settings

    settings = cache(read_settings)
    serve = all_models if arguments.model is None else one_model
    models, on_progress = serve(arguments, settings, stack)

    # The rest is imported while the model loads.
    from localqwq.durations import parsed_duration
    from localqwq.locations import server_socket
    from localqwq.server.door import ServerOptions
    from localqwq.server.supervision.service import run_service

    usual = settings().serving.idle if arguments.model is None else NEVER
    options = ServerOptions(
        models=models,
        host=arguments.host,
        port=arguments.port,
        uds=arguments.uds,
        private=server_socket(),
        keys=keys,
        allow_origins=tuple(arguments.allow_origin),
        allow_hosts=tuple(arguments.allow_host),
        certificate=certificate,
        log_requests=arguments.log_requests,
        responses=None if arguments.no_store else _responses(settings().responses),
        queue=arguments.queue,
        idle=parsed_duration(arguments.idle or usual),
    )
    return run_service(options, on_progress)


def _keys(arguments: argparse.Namespace) -> "tuple[Key, ...]":
    """Return the keys that are given, of which clients must send one."""
    key = arguments.api_key or os.environ.get("LOCALQWQ_API_KEY")
    if not key and arguments.keys is None:
        return ()
    from localqwq.server.http.keys import Key, read_keys

    one = (Key("default", key),) if key else ()
    return one if arguments.keys is None else (*one, *read_keys(arguments.keys))


def _responses(settings: "ResponseSettings") -> "ResponseStore | None":
    """Return where responses are stored; None if the settings leave no space."""
    from localqwq.locations import responses_file
    from localqwq.server.http.responses.store import ResponseStore
    from localqwq.sizes import parsed_size

    limit = parsed_size(settings.disk)
    return ResponseStore(responses_file(), limit_bytes=limit, days=settings.days) if limit else None


def _certificate(arguments: argparse.Namespace) -> "Certificate | None":
    """Return the certificate, if one is given and can be used."""
    chain, key = arguments.tls_cert, arguments.tls_key
    if chain is None and key is None:
        return None
    from localqwq.server.tls import Certificate

    if chain is None or key is None:
        raise LocalqwqError("TLS needs both --tls-cert and --tls-key.")
    if arguments.uds is not None:
        raise LocalqwqError("A Unix socket needs no TLS: leave out --tls-cert and --tls-key.")
    certificate = Certificate(chain, key)
    certificate.check()
    return certificate


def _change_service(arguments: argparse.Namespace) -> int:
    from localqwq.cli.service import install, remove
    from localqwq.models.spec import resolve

    if arguments.remove_service:
        print(remove())
        return 0
    if arguments.model:
        resolve(arguments.model)  # a service that cannot start is useless
    print(install([sys.executable, "-m", "localqwq", "serve", *arguments.words(arguments)]))
    return 0
