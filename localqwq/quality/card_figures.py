"""What was measured of a model's predictions, as a pack's manifest states it."""

from collections.abc import Mapping, Sequence

from localqwq.packs.figures import Figures, Quality
from localqwq.packs.recording import plain
from localqwq.quality.corpus import Source
from localqwq.quality.measuring import Measured
from localqwq.quality.subjects import Subjects


def figures_of(
    found: Subjects, source: Source, measured: Sequence[Measured], circumstances: Mapping[str, str]
) -> Figures:
    """Return what was measured on one source; figures for stretched positions are left out."""
    if source.kind == "thoughts":
        suite = f"{source.count} own thoughts"
    else:
        suite = plain(source.path.name if source.path else "")
    about = {**circumstances, "suite": suite}
    if found.reference is not None:
        about["reference"] = plain(found.reference.resolved.spec)
    usual = [one for one in measured if one.candidate.rope_factor is None]
    return Figures(quality=[_quality(one, about) for one in usual])


def _quality(one: Measured, about: Mapping[str, str]) -> Quality:
    summary, divergence = one.summary, one.summary.divergence
    values: dict[str, object] = {
        **about,
        "quant": one.candidate.resolved.quant,
        "tokens": summary.count,
        "perplexity": summary.perplexity.value,
        "perplexity_error": summary.perplexity.error,
    }
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
    return Quality.model_validate(values)
