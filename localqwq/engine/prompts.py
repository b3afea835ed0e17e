"""A request's prompt in tokens: the rendered template, and the beginning of a continued turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from localqwq.engine.llama.model import Model
from localqwq.engine.request import ContextExceeded, GenerationRequest, RequestRefused
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.reasoning.calls import CallFormat
from localqwq.reasoning.continuation import Begun, begun, continuation
from localqwq.reasoning.parser import starts_in_thought, text_starts_in_thought
from localqwq.reasoning.tags import Tag
from localqwq.reasoning.thinking_switch import template_variables


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads before it writes."""

    tokens: Sequence[int]
    in_thought: bool = False
    """Whether it ends inside a thought."""
    written: str = ""
    """The existing part of a thought or answer to continue."""
    calls: CallFormat = "tagged"
    """How the model writes tool calls."""


def make_prompt(
    model: Model,
    templates: TemplateRenderer,
    request: GenerationRequest,
    longest: int | None = None,
) -> Prompt:
    """Return the prompt of a request.

    Raises :class:`ContextExceeded` for one that obviously has more than ``longest`` tokens, and
    :class:`LocalqwqError` if the template rejects the messages.
    """
    if request.prompt is not None:
        if isinstance(request.prompt, str):
            _expect_room(model, [request.prompt], longest)
            return Prompt(model.tokenize(request.prompt))
        return Prompt(list(request.prompt))
    if not request.continue_final_message:
        tokens, in_thought = _rendered(model, templates, request, longest)
        return Prompt(tokens, in_thought, calls=call_format(templates, request))
    return _continued(model, templates, request, longest)


def _expect_room(model: Model, pieces: Sequence[str], longest: int | None) -> None:
    fewest = model.fewest_tokens(pieces) + 1
    if longest is not None and fewest > longest:
        raise ContextExceeded(fewest, longest, least=True)


def _rendered(
    model: Model, templates: TemplateRenderer, request: GenerationRequest, longest: int | None
) -> tuple[list[int], bool]:
    """Return the prompt for a new turn, and whether it ends inside a thought."""
    pieces = templates.render(request.history, request.tools, variables(templates, request))
    _expect_room(model, pieces, longest)
    tokens = model.tokenize_apart(pieces)
    tags = model.tags
    if tags.think_open is None:
        return tokens, text_starts_in_thought(pieces[-1])
    return tokens, starts_in_thought(tokens, tags.think_open, tags.think_close, model.turn_ends)


def call_format(templates: TemplateRenderer, request: GenerationRequest) -> CallFormat:
    """Return how the model was trained to write calls, according to its template."""
    if not request.tools:
        return "tagged"
    traits = templates.traits(tools=True)
    if not (traits.tools and traits.calls):
        return "tagged"  # the prompt tells it to
    # An answer in JSON could not be told from a call without tags.
    bare = traits.call_format == "bare" and request.response_format is None
    return "bare" if bare else "xml" if traits.call_format == "xml" else "tagged"


def variables(templates: TemplateRenderer, request: GenerationRequest) -> dict[str, Any]:
    """Return the template variables of a request besides messages and tools."""
    traits = templates.traits(tools=bool(request.tools))
    own = request.template_variables
    return template_variables(traits, own, thinking=request.thinking, effort=request.effort)


def _continued(
    model: Model, templates: TemplateRenderer, request: GenerationRequest, longest: int | None
) -> Prompt:
    """Return the prompt for a new turn followed by the turn's own beginning.

    This needs no support in templates, and yields the same tokens that the cache has of the
    generated turn, up to where it was edited.
    """
    beginning = begun(request.messages)
    if beginning is None:
        raise RequestRefused(
            "continue_final_message",
            "To continue the final message, it must be the assistant's, with text in its content "
            "or reasoning_content and without tool_calls.",
        )
    _check_form(request, beginning)
    try:
        tokens, opened = _rendered(model, templates, request, longest)
    except LocalqwqError:
        if request.history:
            raise
        raise RequestRefused(
            "messages",
            "To continue the final message, another one must come before it: this model's chat "
            "template needs the user's.",
        ) from None
    if not (beginning.answer or opened or _thinks(model)):
        raise RequestRefused(
            "continue_final_message",
            "This model does not think, so there is no thought to continue; give the beginning "
            "of its answer as content.",
        )
    pieces = continuation(beginning, opened=opened, thinks=_thinks(model))
    for kind, run in groupby(pieces, key=type):
        if kind is Tag:
            tokens += [token for tag in run for token in _tag(model, Tag(tag))]
        else:
            # Generated text has no special tokens: in a text they are just text.
            tokens += model.tokenize("".join(map(str, run)), begin=False, special=False)
    return Prompt(
        tokens,
        not beginning.answer,
        beginning.answer or beginning.thought,
        call_format(templates, request),
    )


def _check_form(request: GenerationRequest, beginning: Begun) -> None:
    """Check that no grammar is requested: it must apply from the answer's beginning."""
    form = (request.response_format or {}).get("type", "text")
    if beginning.answer and (form != "text" or request.tool_choice not in ("auto", "none")):
        raise RequestRefused(
            "continue_final_message",
            "An answer that has already begun cannot be given a form: leave out response_format "
            "and tool_choice, or the content of the final message.",
        )


def _thinks(model: Model) -> bool:
    """Return whether the model can think, by its vocabulary or else its template."""
    template = model.facts.chat_template or ""
    return model.tags.think_open is not None or Tag.THINK_CLOSE.value in template


def _tag(model: Model, tag: Tag) -> list[int]:
    known = {found: token for token, found in model.tags.by_id().items()}
    if tag in known:
        return [known[tag]]
    return model.tokenize(tag.value, begin=False, special=False)
