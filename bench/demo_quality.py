"""What each quantization of the demo model lost, through the project's own commands.

    python -m bench.demo_quality [--own-thoughts 64] [--limit 200] [--pack DIR] [--measured]

Converts ``models/demo``, runs ``localqwq quality`` and ``localqwq eval`` over all quantizations,
and writes what is then on the pack's model card into ``models/demo/README.md``, and its picture
beside it. With ``--pack`` the pack is kept; with ``--measured`` it was measured before.
An interrupted run goes on.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from localqwq.cli.main import main as localqwq
from localqwq.locations import demo_checkpoint
from localqwq.packs.manifest import Manifest, read_manifest
from localqwq.packs.picture import svg
from localqwq.packs.publish.card_figures import PICTURE_NAME, measured, points
from localqwq_convert.pipeline import convert

QUANTIZATIONS = ("BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K")
SUITES = ("arithmetic", "decimals", "letters")
README = Path(__file__).parents[1] / "models" / "demo" / "README.md"
_BEGIN, _END = "<!-- written by python -m bench.demo_quality, for ", "<!-- end -->\n"


def checkpoint_digest() -> str:
    """The SHA-256 of the weights that the figures belong to."""
    return hashlib.sha256((demo_checkpoint() / "model.safetensors").read_bytes()).hexdigest()


def replaced(text: str, section: str) -> str:
    """The README's text with another section of figures."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{checkpoint_digest()} -->\n{section}{_END}{after}"


def is_of_this_checkpoint(text: str) -> bool:
    """Whether the figures in a README are those of the weights that are there now."""
    return f"{_BEGIN}{checkpoint_digest()} -->" in text


def pack(folder: Path, thoughts: int, limit: int) -> Manifest:
    """The manifest of a measured pack of the demo."""
    convert(demo_checkpoint(), folder, QUANTIZATIONS, name="demo")
    _run("quality", str(folder), "--own-thoughts", str(thoughts))
    models = [str(folder / f"demo-{quant}.gguf") for quant in QUANTIZATIONS]
    _run("eval", *SUITES, *models, "--limit", str(limit), "--resume")
    return read_manifest(folder)


def _run(*words: str) -> None:
    if code := localqwq(words):
        sys.exit(code)


def main() -> None:
    """Measure, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--own-thoughts", type=int, default=64, help="conversations")
    parser.add_argument("--limit", type=int, default=200, help="problems of each suite")
    parser.add_argument("--pack", type=Path, help="the folder of the pack")
    parser.add_argument("--measured", action="store_true", help="only write what the pack says")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.pack or Path(temporary) / "demo"
        if arguments.measured:
            manifest = read_manifest(folder)
        else:
            manifest = pack(folder, arguments.own_thoughts, arguments.limit)
    README.with_name(PICTURE_NAME).write_text(svg(points(manifest), manifest.name))
    section = "\n".join(measured(manifest))
    README.write_text(replaced(README.read_text("utf-8"), f"{section}\n"), encoding="utf-8")


if __name__ == "__main__":
    main()
