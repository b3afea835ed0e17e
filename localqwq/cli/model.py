"""What ``MODEL`` on the command line means, and how it is to be loaded here."""

import contextlib
import os
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from localqwq.cli.settings import default_model
from localqwq.engine.confirm import confirm, is_doubtful
from localqwq.engine.residuals import learned_margins
from localqwq.engine.rope import RopeMode
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.hardware.machine import Machine, detect
from localqwq.locations import expanded, packs_directory, states_directory
from localqwq.packs.intake import pack_name
from localqwq.packs.store import InstalledModel, Store, expect_files
from localqwq.planning.memory import KvType
from localqwq.planning.plan import Plan, plan
from localqwq.planning.wishes import Wishes
from localqwq.server.launch import Launch

DEMO = "demo"
"""The built-in model: converted from the demo checkpoint when it is first used."""
_STEP = 4096
"""Tokens between the contexts that are tried to find the longest."""


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """The one GGUF file that was meant."""

    path: Path
    name: str
    quant: str
    machine: Machine | None = field(default=None, repr=False, compare=False)
    """What was seen of this machine while choosing, if anything had to be chosen."""
    any_quant: bool = False
    """Nobody said which quantization: another one does as well."""

    @property
    def spec(self) -> str:
        """Its name for people and clients: ``name:QUANT``."""
        return f"{self.name}:{self.quant}"


def resolve(spec: str | None) -> ResolvedModel:
    """The model meant by a path, ``name``, ``name:QUANT``, ``demo`` or nothing at all.

    Of a pack's quantizations the largest that fits this machine is meant, else the smallest;
    without a name, the settings' model, else the largest of all that fits, else the demo.

    Raises:
        LocalqwqError: there is no such model; the sentence says what there is.
    """
    store = Store(packs_directory())
    if spec is None and (spec := default_model()) is None:
        return _best(store)
    if _is_path(spec):
        return _from_path(expanded(spec))
    if spec.partition(":")[0] == DEMO:
        install_demo()
    try:
        models = store.matching(spec)
    except LocalqwqError:
        if Path(spec).exists():  # a file or folder here, named without a separator
            return _from_path(Path(spec))
        raise
    any_quant = ":" not in spec
    if len(models) == 1 or models[0].name == DEMO:
        return _resolved(models[0], any_quant=any_quant)
    machine = detect()
    fitting = (model for model in models if fits(model, machine))
    return _resolved(next(fitting, models[-1]), machine, any_quant=any_quant)


def smaller_ones(resolved: ResolvedModel, facts: ModelFacts) -> tuple[ModelFacts, ...]:
    """The model's other quantizations that are installed and take less, the largest first."""
    found = []
    for other in Store(packs_directory()).installed():
        if other.name == resolved.name and other.bytes < facts.bytes:
            with contextlib.suppress(LocalqwqError):  # a damaged one is no help
                found.append(read_facts(other.path))
    return tuple(sorted(found, key=lambda one: one.bytes, reverse=True))


def install_demo() -> None:
    """Have the demo in the store, up to date."""
    from localqwq.cli.convert import install_demo as convert_demo

    convert_demo(packs_directory())


def best_installed(store: Store, machine: Machine) -> InstalledModel | None:
    """The largest installed model that fits, the demo left aside."""
    models = [model for model in store.installed() if model.name != DEMO]
    models.sort(key=lambda model: (model.parameters, model.bytes), reverse=True)
    return next((model for model in models if fits(model, machine)), None)


def fits(model: InstalledModel, machine: Machine) -> bool:
    """Whether a model can be loaded here; a damaged file cannot."""
    try:
        return plan(read_facts(model.path), machine).fits
    except LocalqwqError:
        return False


def launch(
    resolved: ResolvedModel,
    ctx: int | None,
    *,
    parallel: int = 1,
    kv_type: KvType | None = None,
    rope: RopeMode = "auto",
    keep_states: bool = True,
) -> Launch:
    """How to load the model here, with ``ctx`` tokens of context or as many as are sensible.

    ``parallel`` requests share the context. It may grow as far as memory reaches, unless ``ctx``
    says what is wanted. ``kv_type``: what the KV cache is kept in, unless the plan is to choose.
    ``keep_states``: conversations that the cache has no room for go to disk.

    Raises:
        LocalqwqError: it does not fit; the sentence says what it needs and what is there.
    """
    facts = read_facts(resolved.path)
    machine = resolved.machine or detect()
    wishes = Wishes(ctx, kv_type, parallel=parallel)
    others = smaller_ones(resolved, facts)
    smaller = others if resolved.any_quant else ()
    margins = learned_margins(machine)
    found = plan(facts, machine, wishes=wishes, smaller=smaller, margins=margins)
    if found.fits and is_doubtful(found):
        # Where llama.cpp cannot load it at all, the real load says so better.
        with contextlib.suppress(LocalqwqError):
            found = confirm(found, machine, wishes=wishes, smaller=smaller)
    if not found.fits:
        raise LocalqwqError(_refusal(found, machine, ctx))
    chosen = found.facts
    spec, problems = resolved.spec, machine.problems
    if chosen.path != facts.path:
        problems = (*problems, f"{spec} does not fit, so {chosen.quant} is used instead.")
        spec = f"{resolved.name}:{chosen.quant}"
    launched = Launch(
        model=chosen.path,
        name=spec,
        smaller=others,
        context=found.context,
        gpu_layers=found.gpu_layers,
        threads=found.threads,
        rope=rope,
        states=states_directory() if keep_states else None,
        wishes=wishes,
        problems=problems,
    )
    longest = _longest(chosen, machine, found) if ctx is None else found.context
    return launched.with_plan(found, machine, longest)


def _refusal(found: Plan, machine: Machine, ctx: int | None) -> str:
    """Why nothing is loaded, and what to do."""
    way_out = "a smaller quantization or model"
    if ctx is not None:
        way_out = f"a smaller --ctx or {way_out}"
    sentences = (f"{found.why.removesuffix('.')}: choose {way_out}.", *machine.problems)
    return " ".join(sentences)


def _longest(facts: ModelFacts, machine: Machine, found: Plan) -> int:
    """The largest context that fits like the one that was planned, in steps of 4,096 tokens."""

    def is_too_long(context: int) -> bool:
        wishes = Wishes(context, found.kv_type, found.gpu_layers, parallel=found.parallel)
        return not plan(facts, machine, wishes=wishes, margins=found.margins).fits

    longer = [*range(found.context + _STEP, facts.longest_context, _STEP), facts.longest_context]
    fitting = bisect_left(longer, True, key=is_too_long)
    return longer[fitting - 1] if fitting else found.context


def _best(store: Store) -> ResolvedModel:
    if any(model.name != DEMO for model in store.installed()):
        machine = detect()
        best = best_installed(store, machine)
        if best is not None:
            return _resolved(best, machine, any_quant=True)
    return resolve(DEMO)


def _resolved(
    model: InstalledModel, machine: Machine | None = None, *, any_quant: bool
) -> ResolvedModel:
    expect_files(model)
    return ResolvedModel(model.path, model.name, model.quant, machine, any_quant)


def _is_path(spec: str) -> bool:
    separators = {os.sep, os.altsep or os.sep}
    return spec.lower().endswith(".gguf") or spec.startswith("~") or bool(separators & set(spec))


def _from_path(path: Path) -> ResolvedModel:
    if path.is_dir():
        raise LocalqwqError(
            f"{path} is a folder, not a .gguf file: name a file in it, install a pack with "
            f"`localqwq models add {path}`, or turn a checkpoint into one with `localqwq convert`."
        )
    if not path.exists():
        raise LocalqwqError(f"There is no file {path}.")
    facts = read_facts(path)
    return ResolvedModel(path, pack_name(path.stem, facts.quant), facts.quant)
