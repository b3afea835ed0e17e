"""The command-line options for how a model is loaded."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.device_lists import device_names, shares
from localqwq.settings.limits import MOST_BATCH, MOST_PARALLEL, MOST_THREADS
from localqwq.sizes import parsed_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localqwq.models.launch_options import LaunchOptions

ROPE_MODES = ("auto", "on", "off")
KV_TYPES = ("f16", "q8_0", "q4_0")
FLASH_MODES = REPACK_MODES = ("auto", "on", "off")


def add_launch_options(
    parser: argparse.ArgumentParser,
    parallel: str = "1",
    *,
    device: bool = True,
    context: bool = True,
) -> None:
    """Add the options, ``--ctx`` first.

    Args:
        parser: the command's parser.
        parallel: the default number of simultaneous requests, for the help.
        device: whether to add ``--device``; a command with its own adds it itself.
        context: whether the context can be chosen, how many requests share it, and the batch.
    """
    if context:
        parser.add_argument("--ctx", type=types.context, metavar="N", help=help_texts.CONTEXT)
    else:
        parser.set_defaults(ctx=None, batch=None, parallel=None)
    group = parser.add_argument_group(
        "loading the model", "By default, localqwq chooses what suits this machine."
    )
    group.add_argument(
        "--gpu-layers",
        metavar="N",
        type=types.whole(0),
        help="number of layers to put on devices, counting the output layer; a number larger than "
        "the model has means all",
    )
    if device:
        group.add_argument(
            "--device",
            metavar="NAME",
            action="append",
            help="device to use, such as CUDA0 (see `localqwq doctor`), or none for the processor "
            "alone; repeatable",
        )
    group.add_argument(
        "--tensor-split",
        metavar="A,B",
        type=_shares,
        help="share of the layers for each device, such as 3,1",
    )
    group.add_argument(
        "--threads", metavar="N", type=types.whole(1, MOST_THREADS), help="threads on the processor"
    )
    if context:
        group.add_argument(
            "--batch",
            metavar="N",
            type=types.whole(1, MOST_BATCH),
            help="maximum tokens of a prompt that are processed together",
        )
    group.add_argument("--kv", type=str.lower, choices=KV_TYPES, help=help_texts.KV_CACHE)
    group.add_argument(
        "--flash",
        choices=FLASH_MODES,
        help="flash attention: where it is faster on this machine (auto, the default), always (on) "
        "or never (off)",
    )
    group.add_argument(
        "--repack",
        choices=REPACK_MODES,
        help="rearrange weights in main memory for the processor, which answers faster but reads "
        "prompts more slowly on some processors: where it is faster and memory is plentiful (auto, "
        "the default), always (on) or never (off)",
    )
    if context:
        group.add_argument(
            "--parallel",
            metavar="N",
            type=types.whole(1, MOST_PARALLEL),
            help=f"simultaneous requests; they share the context (default: {parallel})",
        )
    group.add_argument(
        "--reserve",
        metavar="SIZE",
        type=_size,
        help="memory to leave free on each device and in main memory, such as 2G",
    )
    group.add_argument(
        "--rope",
        choices=ROPE_MODES,
        help="YaRN scaling, for contexts beyond the trained length: only when a conversation needs "
        "it (auto, the default), always (on) or never (off)",
    )
    group.add_argument(
        "--mmap",
        action=argparse.BooleanOptionalAction,
        help="map the weights from the file instead of reading them into memory",
    )


def launch_options(
    arguments: argparse.Namespace, devices: Sequence[str] | None = None
) -> LaunchOptions:
    """Return the options given on the command line.

    ``devices``: names, if ``--device`` takes more than those.
    """
    from localqwq.models.launch_options import LaunchOptions

    named = arguments.device if devices is None else devices
    return LaunchOptions(
        context=arguments.ctx,
        gpu_layers=arguments.gpu_layers,
        devices=device_names(",".join(named)) if named else None,
        tensor_split=shares(arguments.tensor_split) if arguments.tensor_split else None,
        threads=arguments.threads,
        batch=arguments.batch,
        kv_type=arguments.kv,
        flash=arguments.flash,
        repack=arguments.repack,
        parallel=arguments.parallel,
        reserve=parsed_size(arguments.reserve) if arguments.reserve else None,
        rope=arguments.rope,
        mmap=arguments.mmap,
    )


# Checked here but kept as written: a service file holds the same words.


def _shares(text: str) -> str:
    try:
        shares(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _size(text: str) -> str:
    types.size(text)
    return text
