"""How a model is launched here: by a plan for this machine."""

import contextlib
from bisect import bisect_left
from dataclasses import replace

from localqwq.engine.load_options import LoadOptions
from localqwq.engine.probing.confirm_plan import is_doubtful
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.hardware.machine import Machine
from localqwq.locations import states_directory
from localqwq.models.chat_templates import chosen_template
from localqwq.models.launch import Launch
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launch_settings import settings_of, state_limits
from localqwq.models.outlook import Outlook, look
from localqwq.models.spec import ResolvedModel, smaller_ones
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import padded, rounding
from localqwq.planning.plan import Plan

_STEP = 4096
"""Tokens between the contexts tried in search of the longest."""


def launch(
    resolved: ResolvedModel,
    options: LaunchOptions | None = None,
    *,
    parallel: int = 1,
    keep_states: bool = True,
    chat_template: str | None = None,
    with_settings: bool = True,
    needs_context: bool = False,
) -> Launch:
    """Return how to load the model here.

    Args:
        resolved: the model.
        options: what is said by hand; the settings of the model count where nothing is said, and
            the plan elsewhere. Without a context it is as long as is sensible, and may grow.
        parallel: requests that share the context, where nobody says how many.
        keep_states: conversations that the cache has no room for go to disk.
        chat_template: a file's or a built-in template's name, in place of the model's own.
        with_settings: whether the settings of the model complete the options.
        needs_context: a shorter context than the one of the options would be of no use.

    Raises:
        LocalqwqError: it does not fit (the sentence says what it needs and what there is), or
            there is no such template.
    """
    template = None if chat_template is None else chosen_template(chat_template)
    facts = read_facts(resolved.path)
    outlook = resolved.outlook or look(quant=facts.quant)
    options = options or LaunchOptions()
    if with_settings:
        options = options.over(settings_of(resolved.name, resolved.spec))
    constraints = options.constraints(parallel)
    others = smaller_ones(resolved, facts)
    smaller = others if resolved.any_quant else ()
    found = outlook.measured(facts, constraints, smaller)
    if found.fits and is_doubtful(found):
        # If llama.cpp cannot load it at all, the real load gives the better error.
        with contextlib.suppress(LocalqwqError):
            found = outlook.confirmed(facts, constraints, smaller)
    if not found.fits:
        is_shorter_of_use = options.context is not None and not needs_context
        raise LocalqwqError(_refusal(found, outlook.machine, shorter=is_shorter_of_use))
    chosen, problems, name = found.facts, outlook.machine.problems, resolved.spec
    if chosen.path != facts.path:
        problems = (*problems, f"{name} does not fit, so {chosen.quant} is used instead.")
        name = f"{resolved.name}:{chosen.quant}"
    if found.context < padded(1):  # nobody means so few, and larger ones are not worth a word
        problems = (*problems, rounding(found.context))
    limits = state_limits()
    launched = Launch(
        model=chosen.path,
        name=name,
        load=LoadOptions(
            context=found.context, rope=options.rope or "auto", chat_template=template
        ),
        states=states_directory() if keep_states and limits.disk_bytes else None,
        state_limits=limits,
        constraints=constraints,
        smaller=others,
        problems=problems,
    )
    is_open = options.context is None
    longest = context_limit(outlook, found, constraints) if is_open else found.context
    return launched.with_plan(found, outlook.machine, longest)


def _refusal(found: Plan, machine: Machine, *, shorter: bool) -> str:
    """Return why the model is not loaded, and what to do; ``shorter``: a context would help."""
    way_out = "a smaller quantization or model"
    if shorter:
        way_out = f"a shorter context, or {way_out}"
    sentences = (f"{found.why.removesuffix('.')}: choose {way_out}.", *machine.problems)
    return " ".join(sentences)


def context_limit(outlook: Outlook, found: Plan, constraints: Constraints) -> int:
    """Return the largest context that fits like the planned one, in steps of 4,096 tokens."""
    facts = found.facts

    def is_too_long(context: int) -> bool:
        wanted = replace(
            constraints, context=context, kv_type=found.kv_type, gpu_layers=found.gpu_layers
        )
        longer = outlook.plan(facts, wanted)
        return not longer.fits or longer.repack < found.repack  # loaded weights stay as they are

    longer = [*range(found.context + _STEP, facts.longest_context, _STEP), facts.longest_context]
    fitting = bisect_left(longer, True, key=is_too_long)
    return longer[fitting - 1] if fitting else found.context
