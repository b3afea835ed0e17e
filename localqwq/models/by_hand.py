"""A model whose loading is chosen by hand, and what each choice leads to; nothing is loaded."""

from dataclasses import dataclass, field

from localqwq.engine.rope import RopeScaling, longest_context, rope_scaling
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.models.launch import Launch
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import context_limit
from localqwq.models.outlook import Outlook, look
from localqwq.models.spec import ResolvedModel
from localqwq.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Outcome:
    """What some options lead to."""

    plan: Plan
    longest: int
    """Tokens that the context may grow to."""
    rope: RopeScaling
    """How positions are scaled at the plan's context."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """A model, and the machine that it is planned for."""

    resolved: ResolvedModel
    facts: ModelFacts
    outlook: Outlook
    parallel: int
    """Simultaneous requests where nobody says how many."""
    chosen: LaunchOptions = field(default_factory=LaunchOptions)
    """The options that are in force now."""

    def outcome(self, options: LaunchOptions) -> Outcome:
        """Return what the options lead to, without running anything.

        Raises:
            LocalqwqError: no machine, or not this one, can load the model like that.
        """
        rope = options.rope or "auto"
        constraints = options.constraints(self.parallel)
        found = self.outlook.plan(self.facts, constraints)
        longest = found.context
        if options.context is None and found.fits:
            allowed = longest_context(self.facts, rope)
            longest = min(context_limit(self.outlook, found, constraints), allowed)
        return Outcome(found, longest, rope_scaling(self.facts, found.context, rope))


def by_hand(
    resolved: ResolvedModel, chosen: LaunchOptions, parallel: int, loaded: Launch | None = None
) -> ByHand:
    """Return the model on this machine as it is now. Takes seconds.

    ``loaded``: how a model was loaded that will be unloaded, so its memory counts as free.

    Raises:
        LocalqwqError: the file is damaged or gone.
    """
    facts = read_facts(resolved.path)
    held, before = (loaded.plan, loaded.machine) if loaded else (None, None)
    outlook = look(held=held, before=before, quant=facts.quant)
    return ByHand(resolved, facts, outlook, parallel, chosen)
