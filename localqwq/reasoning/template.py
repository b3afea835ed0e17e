"""Chat templates: turning messages into the prompt that the model was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.template_environment import PROMPT_LIMIT as PROMPT_LIMIT
from localqwq.reasoning.template_environment import TemplateRefusal, run
from localqwq.reasoning.template_messages import for_template
from localqwq.reasoning.template_probe import traits_of
from localqwq.reasoning.template_traits import TemplateTraits, does_not_work, sentence


def render(
    template: str,
    messages: Sequence[Message],
    tools: Sequence[Tool] = (),
    *,
    bos: str,
    eos: str,
    variables: Mapping[str, Any] | None = None,
    traits: TemplateTraits | None = None,
) -> str:
    """Return the prompt for the next assistant turn, like Hugging Face's ``apply_chat_template``.

    ``bos`` and ``eos`` are the texts of the begin and end tokens, which some templates write;
    ``variables`` are the template's own. Messages are passed in the form that the template takes
    (see :mod:`localqwq.reasoning.template_probe`), which is found out unless ``traits`` say it. The
    template comes from the model file and is not trusted: it runs in Jinja's sandbox. Raises
    :class:`LocalqwqError` if it cannot be compiled, fails, or rejects the messages.
    """
    traits = traits or traits_of(template)
    shaped = for_template(messages, tools, traits)
    given = tools if traits.tools else ()
    own = {**(variables or {}), "bos_token": bos, "eos_token": eos}
    no_tools: list[Any] | None = [] if traits.tools_listed else None
    try:
        return run(template, shaped, given, own, no_tools=no_tools)
    except TemplateRefusal as refusal:
        raise LocalqwqError(
            f"The model's chat template refuses this conversation: {sentence(refusal)}"
        ) from refusal
    except Exception as failure:  # a template is a program: it can raise anything
        raise LocalqwqError(does_not_work(sentence(failure))) from failure
