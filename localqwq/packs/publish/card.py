"""The model card of a pack: what a repository on the hub says of itself.

The hub reads the YAML block at its start; people read the rest.
"""

import re
from collections.abc import Iterator

from localqwq.packs.manifest import MANIFEST_NAME, SUMS_NAME, Manifest
from localqwq.packs.publish.card_figures import makers, measured
from localqwq.packs.publish.details import COMPUTERS, CardDetails, bases
from localqwq.packs.publish.markdown import code_block, plain, table
from localqwq.sizes import readable_size

CARD_NAME = "README.md"
NO_DETAILS = CardDetails()
MARK = "<!-- written by localqwq publish: remove this line to keep the card as it is -->"
"""Cards without it were written by people and are left alone."""

_LICENSES = {
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "cc0-1.0",
    "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0",
    "gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "openrail", "gemma",
    "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3",
}  # fmt: skip
"""Identifiers that the hub knows; any other license is ``other`` with a name."""
_ADVICE = (
    (12.0, "not quantized: for conversion and comparison."),
    (7.5, "practically indistinguishable from the original."),
    (5.9, "very close to the original."),
    (5.0, "close to the original."),
    (4.4, "a good balance, and the most popular choice."),
    (3.8, "smaller, with a slight loss."),
    (3.2, "for little memory, with a noticeable loss."),
)
"""Advice by bits per weight: the first row whose minimum is reached applies."""
_FLAGS = {
    "temp": "--temp",
    "top_k": "--top-k",
    "top_p": "--top-p",
    "min_p": "--min-p",
    "xtc_probability": "--xtc-probability",
    "xtc_threshold": "--xtc-threshold",
    "penalty_repeat": "--repeat-penalty",
    "penalty_last_n": "--repeat-last-n",
}
"""llama.cpp's options by GGUF's names of sampling parameters."""


def model_card(manifest: Manifest, repository: str, details: CardDetails = NO_DETAILS) -> str:
    """Return the card of a pack in ``repository``, such as ``someone/qwq-32b-GGUF``, as
    Markdown.
    """
    front = _front_matter(manifest, repository, details)
    return f"---\n{front}---\n{MARK}\n\n" + "\n".join(_body(manifest, repository, details))


def _front_matter(manifest: Manifest, repository: str, details: CardDetails) -> str:
    import yaml

    values: dict[str, object] = {}
    if manifest.license:
        known = manifest.license.lower()
        values["license"] = known if known in _LICENSES else "other"
        if known not in _LICENSES:
            values["license_name"] = re.sub(r"[^a-z0-9.-]+", "-", known).strip("-") or "other"
    if found := bases(manifest):
        values["base_model"] = found
        values["base_model_relation"] = "quantized"
    if details.languages:
        values["language"] = list(details.languages)
    values["quantized_by"] = repository.partition("/")[0]
    values["library_name"] = "gguf"
    values["pipeline_tag"] = "text-generation"
    values["tags"] = ["gguf", "localqwq", manifest.architecture]
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return text


def _body(manifest: Manifest, repository: str, details: CardDetails) -> Iterator[str]:
    yield f"# {manifest.name}"
    yield ""
    yield _origin(manifest)
    yield ""
    yield f"- Architecture: {manifest.architecture}, {manifest.parameters:,} parameters"
    yield f"- Context: {_context(manifest)}"
    yield f"- License: {plain(manifest.license or 'not stated')}"
    yield ""
    yield from _files(manifest)
    yield from _choosing(manifest)
    yield from _advice_by_memory(manifest, details)
    yield from measured(manifest)
    yield from makers(next(iter(bases(manifest)), manifest.name), details.published)
    yield from _importance(details)
    yield from _running(manifest, repository)
    yield from _prompt(details)
    yield from _sampling(manifest)
    yield "## Checking the files"
    yield ""
    yield f"`{MANIFEST_NAME}` describes the pack, and `{SUMS_NAME}` has the same checksums for"
    yield "people without localqwq:"
    yield ""
    yield from code_block(f"sha256sum --check {SUMS_NAME}")


def _origin(manifest: Manifest) -> str:
    found = bases(manifest)
    if found:
        of = ", ".join(f"[{base}](https://huggingface.co/{base})" for base in found)
    else:
        of = plain(manifest.source or manifest.name)
    sentence = f"GGUF files of {of}"
    if manifest.source_revision:
        sentence += f" at revision {plain(manifest.source_revision)}"
    if manifest.converter:
        sentence += f", made with {plain(manifest.converter)}"
    return f"{sentence}."


def _context(manifest: Manifest) -> str:
    text = f"{manifest.context:,} tokens"
    if rope := manifest.rope:
        text += f" ({rope.type}, {rope.factor:g} times {rope.original_context:,})"
    return text


def _files(manifest: Manifest) -> Iterator[str]:
    yield "## Files"
    yield ""
    yield "| Quantization | File | Size | Bits per weight | SHA-256 |"
    yield "|---|---|---:|---:|---|"
    for quant in manifest.quants:
        for file in manifest.parts(quant):
            yield (
                f"| {quant} | [{file.path}]({file.path}) | {readable_size(file.bytes)} "
                f"| {file.bits_per_weight:.2f} | `{file.sha256}` |"
            )
    yield ""


def _choosing(manifest: Manifest) -> Iterator[str]:
    yield "Choose the largest that fits in the memory of your graphics card, or else of your"
    yield "computer, with a few GiB to spare for the context:"
    yield ""
    for quant in manifest.quants:
        parts = manifest.parts(quant)
        size = readable_size(sum(file.bytes for file in parts))
        yield f"- **{quant}** ({size}): {_advice(parts[0].bits_per_weight)}"
    yield ""


def _advice(bits: float) -> str:
    """Return what to expect at so many bits per weight."""
    for least, words in _ADVICE:
        if bits >= least:
            return words
    return "only if nothing larger fits: answers suffer considerably."


def _advice_by_memory(manifest: Manifest, details: CardDetails) -> Iterator[str]:
    sizes = {quant: sum(file.bytes for file in manifest.parts(quant)) for quant in manifest.quants}
    rows = details.advise(details.facts, sizes) if details.facts else ()
    if not rows:
        return
    yield "Which one localqwq would take, and how many tokens of context are left:"
    yield ""
    yield from table(
        ["Memory", *COMPUTERS], [[one.memory, *one.choices] for one in rows], right=False
    )


def _importance(details: CardDetails) -> Iterator[str]:
    used = {quant: text for quant, text in details.importance.items() if text is not None}
    without = [quant for quant in details.importance if quant not in used]
    if not details.importance:
        return
    yield "## Importance matrix"
    yield ""
    for quant, text in used.items():
        made = f" computed from {plain(text)}" if text else ""
        yield f"- {quant}: quantized with an importance matrix{made}"
    for quant in without:
        yield f"- {quant}: no importance matrix was used"
    yield ""


def _prompt(details: CardDetails) -> Iterator[str]:
    if details.prompt is None:
        return
    fence = "```"
    while fence in details.prompt:
        fence += "`"
    yield "## Prompt format"
    yield ""
    yield "As produced by the chat template in the files:"
    yield ""
    yield f"{fence}text"
    yield from details.prompt.rstrip("\n").split("\n")
    yield fence
    yield ""


def _running(manifest: Manifest, repository: str) -> Iterator[str]:
    quant = manifest.quants[0]
    yield "## Running it"
    yield ""
    yield "With localqwq, which checks every byte and knows the sampling below:"
    yield ""
    yield from code_block(
        f"localqwq pull hf:{repository}:{quant}", f"localqwq chat {manifest.name}:{quant}"
    )
    yield "With llama.cpp:"
    yield ""
    flags = "".join(
        f" {_FLAGS[key]} {value:g}" for key, value in manifest.sampling.items() if key in _FLAGS
    )
    yield from code_block(f"llama-cli -hf {repository}:{quant} --jinja{flags}")
    if whole := next((one for one in manifest.quants if len(manifest.parts(one)) == 1), None):
        yield "With Ollama, which accepts single-file models:"
        yield ""
        yield from code_block(f"ollama run hf.co/{repository}:{whole}")
    yield "With LM Studio:"
    yield ""
    yield from code_block(f"lms get https://huggingface.co/{repository}")


def _sampling(manifest: Manifest) -> Iterator[str]:
    if not manifest.sampling:
        return
    yield "## Sampling"
    yield ""
    yield "The values that the model's makers recommend; they are in the files, too."
    yield ""
    yield "| Parameter | Value |"
    yield "|---|---:|"
    for key, value in manifest.sampling.items():
        yield f"| `{key}` | {value:g} |"
    yield ""
