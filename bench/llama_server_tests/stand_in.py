"""Stands where those tests start ``llama-server``: the same options, localqwq's server.

python -m bench.llama_server_tests.stand_in MODEL [OPTION …]
"""

import argparse
import json
import os
import sys
from pathlib import Path

from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.server.door import ServerOptions
from localqwq.server.http.keys import Key
from localqwq.server.pool.source import OneModel
from localqwq.server.supervision.single import run_server

_CONTEXT = 2048
"""What the demo is trained for."""
_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Without thoughts, of which the tests' own model has none."""
_LLAMA_3 = "meta-llama-Llama-3.1-8B-Instruct.jinja"


def main() -> int:
    """Serve MODEL as the options say; those that localqwq has nothing like change nothing."""
    arguments, _ = _parser().parse_known_args()
    load = LoadOptions(
        context=min(arguments.ctx_size, _CONTEXT),
        parallel=arguments.parallel,
        threads=1,
        batch=arguments.batch_size,
        chat_template=_template(arguments.chat_template, arguments.chat_template_file),
    )
    defaults = {
        "temperature": arguments.temp,
        "seed": arguments.seed,
        "max_tokens": None if arguments.n_predict == -1 else arguments.n_predict,
    }
    name = arguments.alias or "model"
    launch = Launch(arguments.model_path, name, load, defaults=json.dumps(defaults))
    return run_server(
        ServerOptions(
            OneModel(launch),
            host=arguments.host,
            port=arguments.port,
            keys=(Key("default", arguments.api_key),) if arguments.api_key else (),
            allow_origins=tuple(filter(None, [arguments.cors_origins])),
        )
    )


def _template(text: str | None, file: str | None) -> str:
    """The Jinja text of a template that is given as it is, by a name, or as a file."""
    templates = Path(os.environ["LLAMA_CPP_TEMPLATES"])
    if file is not None or text == "llama3":
        return (templates / Path(file or _LLAMA_3).name).read_text(encoding="utf-8")
    return _CHATML if text in (None, "chatml") else text or _CHATML


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stand_in", allow_abbrev=False)
    parser.add_argument("model_path", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--ctx-size", type=int, default=_CONTEXT)
    parser.add_argument("--batch-size", type=int, metavar="N")
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--temp", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--n-predict", type=int)
    parser.add_argument("--api-key")
    parser.add_argument("--alias")
    parser.add_argument("--cors-origins")
    parser.add_argument("--chat-template")
    parser.add_argument("--chat-template-file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
