"""What was measured of a pack, in its manifest."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from localqwq.hardware.machine import detect
from localqwq.packs.manifest import read_manifest, write_manifest
from localqwq.packs.measurement import Measurement
from localqwq.packs.printable import MAX_TEXT
from localqwq.quality.corpus import Source
from localqwq.quality.measuring import Measured
from localqwq.quality.subjects import Subjects
from localqwq.version import __version__


def keep_in_pack(
    found: Subjects, source: Source, measured: Sequence[Measured], command: str
) -> None:
    """Write what was measured into ``pack.toml``, in place of what it had of the same kind.

    Figures for stretched positions are left out.

    Raises:
        LocalqwqError: the manifest cannot be read or written.
    """
    if found.folder is None:
        return
    suite = "own thoughts" if source.kind == "thoughts" else source.path.name if source.path else ""
    where = detect()
    common = {
        "suite": _plain(suite),
        "date": datetime.now(UTC).date().isoformat(),
        "version": f"localqwq {__version__}, llama-cpp-python {version('llama_cpp_python')}",
        "machine": _plain(f"{where.cpu_name}, {where.physical_cores} cores"),
        "command": _plain(command),
    }
    new = [_entry(found, one, common) for one in measured if one.candidate.rope_factor is None]
    write_manifest(found.folder, read_manifest(found.folder).with_measurements(new))


def _entry(found: Subjects, one: Measured, common: dict[str, str]) -> Measurement:
    summary, divergence = one.summary, one.summary.divergence
    values: dict[str, object] = {
        **common,
        "quant": one.candidate.resolved.quant,
        "tokens": summary.count,
        "perplexity": summary.perplexity.value,
        "perplexity_error": summary.perplexity.error,
    }
    if found.reference is not None:
        values["reference"] = _plain(found.reference.resolved.spec)
    if divergence is not None:
        values |= {
            "kld_mean": divergence.mean.value,
            "kld_mean_error": divergence.mean.error,
            "kld_median": divergence.median.value,
            "kld_p90": divergence.p90.value,
            "kld_p99": divergence.p99.value,
            "kld_p999": divergence.p999.value,
            "kld_max": divergence.max,
            "top1": divergence.top1.value,
            "top1_error": divergence.top1.error,
            "top5": divergence.top5.value,
            "top5_error": divergence.top5.error,
        }
    return Measurement.model_validate(values)


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:MAX_TEXT]
