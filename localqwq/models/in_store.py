"""Models of the store, by the names that people use for them."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from localqwq.demo import DEMO, is_demo
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.locations import expanded, packs_directory
from localqwq.models.defaults import default_model
from localqwq.models.demo import install_demo
from localqwq.models.outlook import Outlook, look
from localqwq.models.resolved import NotInstalledError, ResolvedModel, is_path, model_of_file
from localqwq.packs import catalogue
from localqwq.packs.sources.hub_names import NamedOnHub, named_on_hub
from localqwq.packs.store.store import InstalledModel, Store, expect_files


def find(spec: str | None) -> ResolvedModel:
    """Return the model meant by a name or by None, see :func:`localqwq.models.spec.resolve`."""
    store = Store(packs_directory())
    if spec is None:
        found = find_default(store, look() if _needs_outlook(store) else None)
        if found and not is_demo(found.spec):
            return found
        spec = default_model() or DEMO  # the demo is made, or made anew
    known = name_in_store(store, spec)
    if known == spec and is_path(spec):
        return model_of_file(expanded(spec))
    try:
        return _from_store(store, known)
    except LocalqwqError:
        if Path(spec).exists():  # a file or folder here, named without a separator
            return model_of_file(Path(spec))
        raise


def find_default(store: Store, outlook: Outlook | None) -> ResolvedModel | None:
    """Return the model used when none is named; None for a demo that has yet to be made.

    This is the only rule for it: lists mark what this returns. ``outlook`` is this machine's.

    Raises:
        LocalqwqError: the settings name a model that does not exist.
    """
    chosen = default_model()
    if chosen is not None:
        chosen = name_in_store(store, chosen)
    if chosen is not None and is_path(chosen):
        return model_of_file(expanded(chosen))
    if chosen is not None and not is_demo(chosen):
        return _of_pack(store.matching(chosen), chosen, outlook)
    models = store.installed()
    best = best_installed(models, outlook) if chosen is None and outlook else None
    if best is not None:
        return _resolved(best, outlook, any_quant=True)
    demo = [model for model in models if is_demo(model.spec)]
    return _of_pack(store.matching(chosen or DEMO), chosen or DEMO, outlook) if demo else None


def _needs_outlook(store: Store) -> bool:
    """Return whether the default model depends on this machine."""
    chosen = default_model()
    if chosen is not None:
        with contextlib.suppress(NotInstalledError):  # what looks for it says so
            chosen = name_in_store(store, chosen)
        if is_path(chosen) or ":" in chosen or is_demo(chosen):
            return False
    return any(not is_demo(model.spec) for model in store.installed())


def best_installed(models: Sequence[InstalledModel], outlook: Outlook) -> InstalledModel | None:
    """Return the largest installed model that answers and fits, not counting the demo."""
    real = [model for model in models if not is_demo(model.spec)]
    real.sort(key=lambda model: (model.parameters, model.bytes), reverse=True)
    fitting = (model for model in real if outlook.fits(model.path))
    return next((model for model in fitting if read_facts(model.path).pooling is None), None)


def smaller_quantizations(name: str, facts: ModelFacts) -> tuple[ModelFacts, ...]:
    """Return the smaller installed quantizations of a pack, the largest first."""
    found = []
    for other in Store(packs_directory()).installed():
        if other.name == name and other.bytes < facts.bytes:
            with contextlib.suppress(LocalqwqError):  # a damaged one does not help
                found.append(read_facts(other.path))
    return tuple(sorted(found, key=lambda one: one.bytes, reverse=True))


def name_in_store(store: Store, spec: str) -> str:
    """Return the pack's name that another name means: ``qwq:32b`` of Ollama, or ``hf:OWNER/NAME``.

    A name of a pack or a file, or one that is unknown, is returned unchanged.

    Raises:
        NotInstalledError: it can be downloaded.
    """
    models = store.installed()
    if any(one.name == spec.partition(":")[0] for one in models) or is_demo(spec):
        return spec
    if (there := named_on_hub(spec)) is not None and not expanded(spec).exists():
        return _from_hub(store, models, there, spec)
    found = catalogue.named(spec)
    if found is None:
        return spec
    entry, quant = found
    known = f"{entry.name}:{quant}" if quant else entry.name
    if not any(one.name == entry.name for one in models):
        name = spec.partition(":")[0]
        written = name if catalogue.find(name) else entry.name
        raise NotInstalledError(written, known, entry, quant)
    return known


def _from_hub(store: Store, models: Sequence[InstalledModel], there: NamedOnHub, spec: str) -> str:
    """Return the name of the pack that was downloaded from a repository."""
    for name in dict.fromkeys(model.name for model in models):
        if store.manifest(name).source == there.repository:
            return f"{name}:{there.quant}" if there.quant else name
    raise NotInstalledError(spec, spec)


def _from_store(store: Store, spec: str) -> ResolvedModel:
    if is_demo(spec):
        install_demo(store.root)
    return _of_pack(store.matching(spec), spec, None)


def _of_pack(models: Sequence[InstalledModel], spec: str, outlook: Outlook | None) -> ResolvedModel:
    """Return the quantization of a pack that ``spec`` means."""
    any_quant = ":" not in spec
    if len(models) == 1 or is_demo(spec):
        return _resolved(models[0], outlook, any_quant=any_quant)
    outlook = outlook or look()
    fitting = (model for model in models if outlook.fits(model.path))
    return _resolved(next(fitting, models[-1]), outlook, any_quant=any_quant)


def _resolved(model: InstalledModel, outlook: Outlook | None, *, any_quant: bool) -> ResolvedModel:
    expect_files(model)
    return ResolvedModel(model.path, model.name, model.quant, outlook, any_quant)
