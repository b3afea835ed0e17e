"""``localqwq quality``: perplexity, and divergence from a reference."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.cli.corpus_options import add_corpus_options, sources
from localqwq.cli.launch_options import add_launch_options, launch_options
from localqwq.cli.measuring import chats_shown, keep, resumable, tokens_shown
from localqwq.cli.progress import ByteProgress
from localqwq.errors import LocalqwqError
from localqwq.locations import expanded
from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.quality.corpus import Source
    from localqwq.quality.measuring import Candidate, Measured
    from localqwq.quality.subjects import Subjects

THOUGHTS = 16
"""Conversations if no source is named: one about each of our prompts."""
_REFERENCE_SIZE = "10G"

_DESCRIPTION = """\
Measure what a model lost: its perplexity, and how far its predictions are from those
of a reference, on a text, on chats, or on the reference's own thoughts.

Of a pack, all quantizations are measured, against the largest one unless --against
names another; pack.toml then says what was found, and `publish` puts it on the card.
The reference's predictions are kept, so that both never have to be in memory at the
same time. An interrupted run continues where it was."""

_EPILOG = """\
examples:
  localqwq quality qwq-32b
      all installed quantizations, on the largest one's own thoughts
  localqwq quality qwq-32b:Q4_K_M --against qwq-32b:Q8_0 --text wiki.txt
      the figures of llama-perplexity --kl-divergence
  localqwq quality qwq-32b:Q4_K_M --rope-factor 1,2,4 --text wiki.txt
      what YaRN costs on short text"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "quality",
        help="measure perplexity, and divergence from a reference",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="an installed pack, the folder of a pack, or one quantization: NAME:QUANT, or a "
        ".gguf file",
    )
    parser.add_argument(
        "--against", metavar="REFERENCE", help="the model to compare with, such as NAME:BF16"
    )
    add_corpus_options(parser, "measure")
    parser.add_argument(
        "--reference-size",
        metavar="SIZE",
        type=types.size,
        default=types.size(_REFERENCE_SIZE),
        help="space for the reference's predictions; if they need more, only the likeliest tokens "
        f"are kept, and how much that hides is measured (default: {_REFERENCE_SIZE})",
    )
    parser.add_argument(
        "--rope-factor",
        metavar="F,F",
        type=_factors,
        default=[],
        help="measure with positions stretched by YaRN by each of these factors, such as 1,2,4",
    )
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write the picture to this file")
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)
    add_launch_options(parser, context=False)


def run(arguments: argparse.Namespace) -> int:
    """Measure, keep what was found, and print it."""
    from localqwq.hardware.awake import Awake
    from localqwq.quality.subjects import subjects
    from localqwq.settings.wakefulness import keeps_awake

    found = subjects(arguments.model, arguments.against, arguments.rope_factor)
    results: list[tuple[Source, list[Measured]]] = []
    with Awake(keeps_awake).during("A model is measured"), resumable():
        results += (
            (source, _measured(arguments, found, source)) for source in sources(arguments, THOUGHTS)
        )
    _show(arguments, found, results)
    _keep(arguments, found, results)
    return 0


def _show(
    arguments: argparse.Namespace,
    found: Subjects,
    results: Sequence[tuple[Source, list[Measured]]],
) -> None:
    from localqwq.cli.quality_output import as_json, lines
    from localqwq.packs.picture import svg

    if arguments.json:
        document = [as_json(found, source, one) for source, all_of in results for one in all_of]
        print(json.dumps(document if len(document) > 1 else document[0], indent=2))
    else:
        for source, all_of in results:
            print("\n".join(lines(found, source, all_of)))
    if arguments.svg is not None:
        points = found.points(results[0][1])
        if not points:
            raise LocalqwqError("There is no divergence to draw: name a reference by --against.")
        expanded(arguments.svg).write_text(svg(points, found.name), encoding="utf-8")


def _keep(
    arguments: argparse.Namespace,
    found: Subjects,
    results: Sequence[tuple[Source, list[Measured]]],
) -> None:
    """Write what was measured into the pack's manifest."""
    from localqwq.hardware.detection import detect
    from localqwq.packs.recording import circumstances
    from localqwq.quality.card_figures import figures_of

    if found.folder is None:
        return
    about = circumstances(detect(), _command(arguments, found))
    for source, measured in results:
        keep(found.folder, figures_of(found, source, measured, about))


def _measured(arguments: argparse.Namespace, found: Subjects, source: Source) -> list[Measured]:
    """Measure all models on one source."""
    from localqwq.quality.corpus import tokens_of
    from localqwq.quality.measuring import Measurement, expect_same_vocabulary

    options = launch_options(arguments)
    first = found.reference or found.candidates[0]
    for candidate in found.candidates:
        expect_same_vocabulary(candidate.resolved, first.resolved)
    with TemporaryDirectory(prefix="localqwq-") as temporary:
        folder = Path(temporary)
        with ByteProgress(f"{first.resolved.spec} thinks", chats_shown) as bar:
            tokens = tokens_of(source, first.resolved, "measuring", folder, options, bar)
        measurement = Measurement(tokens, options, folder)
        reference = None
        results = []
        if found.reference is not None:
            form = measurement.form(found.reference, arguments.reference_size)
            _say_form(found.reference, form.total(measurement.chunks), form.words)
            with _progress(found.reference) as bar:
                reference, own = measurement.keep_reference(found.reference, form, bar)
            if found.shows_reference:
                results.append(own)
        for candidate in found.candidates:
            if candidate == found.reference:
                continue
            with _progress(candidate) as bar:
                results.append(measurement.measure(candidate, reference, bar))
    return results


def _progress(candidate: Candidate) -> ByteProgress:
    return ByteProgress(f"measuring {candidate.name}", tokens_shown)


def _say_form(reference: Candidate, size: int, words: int | None) -> None:
    what = "in full" if words is None else f"the {words:,} most likely words of each"
    print(
        f"the predictions of {reference.name} take {readable_size(size)} ({what})", file=sys.stderr
    )


def _command(arguments: argparse.Namespace, found: Subjects) -> list[str]:
    """Return the words of the command that measures this again."""
    words = ["quality", found.name]
    options = {
        "--against": arguments.against,
        "--text": arguments.text,
        "--chat": arguments.chat,
        "--own-thoughts": arguments.own_thoughts,
        "--tokens": arguments.tokens,
    }
    for flag, value in options.items():
        if value is not None:
            words += [flag, str(value)]
    return words


def _factors(text: str) -> Sequence[float]:
    return [types.number(1, 64)(part.strip()) for part in text.split(",")]
