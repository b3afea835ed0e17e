"""The output of ``localqwq models show``: everything known of a pack and its files."""

from collections.abc import Iterator, Mapping

from localqwq.cli.models_list import parameter_count
from localqwq.gguf.facts import ModelFacts, Pooling, read_facts
from localqwq.models.chat_templates import described
from localqwq.models.outlook import Outlook, look
from localqwq.models.spec import ResolvedModel
from localqwq.packs.figures_in_brief import in_brief
from localqwq.packs.manifest import Manifest
from localqwq.packs.store.store import InstalledModel, Store, visible_problem
from localqwq.planning.short_summary import verdict
from localqwq.sizes import readable_size

_POOLINGS: Mapping[Pooling, str] = {
    "mean": "the mean of a text's tokens",
    "cls": "a text's first token",
    "last": "a text's last token",
}
"""What becomes the embedding."""
_UNKNOWN = "not stated"


def pack_lines(store: Store, spec: str) -> Iterator[str]:
    """Yield the manifest, the header's facts and the files of a pack or one quantization.

    Raises:
        LocalqwqError: there is no such pack.
    """
    models = store.matching(spec)
    outlook = look(measure="if quiet")
    manifest = store.manifest(models[0].name)
    for label, value in [*_about(manifest), *_inside(models[0])]:
        yield f"{label:14}{value}"
    for model in models:
        yield from _files(manifest, model)
        if visible_problem(model) is None:
            yield f"  here: {_here(model, outlook)}"


def file_lines(resolved: ResolvedModel) -> Iterator[str]:
    """Yield what a ``.gguf`` file contains, and how it would run here.

    Raises:
        LocalqwqError: it is not a GGUF file, or is damaged.
    """
    facts = read_facts(resolved.path)
    about = [
        ("name", facts.name),
        ("architecture", facts.architecture),
        ("parameters", f"{parameter_count(facts.parameters)} ({facts.parameters:,})"),
        ("context", f"{facts.longest_context:,} tokens"),
        *_of_header(facts),
    ]
    for label, value in about:
        yield f"{label:14}{value}"
    yield ""
    yield f"{facts.quant}  {readable_size(facts.bytes)} ({facts.bytes:,} bytes)" + (
        f", {facts.bits_per_weight:.2f} bits per weight"
    )
    yield f"  {resolved.path}"
    yield f"  here: {verdict(look(measure='if quiet').plan(facts))}"


def _about(manifest: Manifest) -> list[tuple[str, str]]:
    """Return the properties shared by all files of a pack, as label and value."""
    context = f"{manifest.context:,} tokens"
    if rope := manifest.rope:
        context += f" ({rope.type}, {rope.factor:g} times {rope.original_context:,})"
    source = manifest.source or _UNKNOWN
    if manifest.source_revision:
        source += f" @ {manifest.source_revision}"
    return [
        ("name", manifest.name),
        ("architecture", manifest.architecture),
        ("parameters", f"{parameter_count(manifest.parameters)} ({manifest.parameters:,})"),
        ("context", context),
        ("sampling", ", ".join(f"{k} {v:g}" for k, v in manifest.sampling.items()) or _UNKNOWN),
        ("license", manifest.license or _UNKNOWN),
        ("base model", ", ".join(manifest.base_models) or _UNKNOWN),
        ("source", source),
        ("made by", manifest.converter or _UNKNOWN),
    ]


def _inside(model: InstalledModel) -> list[tuple[str, str]]:
    """Return what a file's header says beyond the manifest."""
    if problem := visible_problem(model):
        return [("problem", problem)]
    return _of_header(read_facts(model.path))


def _of_header(facts: ModelFacts) -> list[tuple[str, str]]:
    return [
        ("layers", f"{facts.layers}, {_attention(facts)}"),
        ("width", f"{facts.embedding:,}, feed-forward {facts.feed_forward:,}"),
        ("vocabulary", f"{facts.vocabulary:,} tokens"),
        ("KV cache", f"{readable_size(facts.kv_bytes_per_token())} a token in F16"),
        ("chat template", described(facts))
        if facts.pooling is None
        else ("embeddings", _POOLINGS[facts.pooling]),
    ]


def _here(model: InstalledModel, outlook: Outlook) -> str:
    """Return how it runs on this machine."""
    return verdict(outlook.plan(read_facts(model.path)))


def _attention(facts: ModelFacts) -> str:
    return f"{facts.heads} heads of {facts.key_length}, {facts.kv_heads} for keys and values"


def _files(manifest: Manifest, model: InstalledModel) -> Iterator[str]:
    bits = manifest.parts(model.quant)[0].bits_per_weight
    yield ""
    yield f"{model.quant}  {readable_size(model.bytes)} ({model.bytes:,} bytes)" + (
        f", {bits:.2f} bits per weight"
    )
    for file in model.files:
        yield f"  {file.path}"
        if file.path.is_symlink():
            yield f"  used in place: {file.path.readlink()}"
        yield f"  sha256 {file.sha256}"
    for line in in_brief(manifest.figures, model.quant):
        yield f"  measured: {line}"
