"""Results of tools as the model gets them: data that cannot end its frame or fill the context.

What a file or a program says may be written to deceive the model. Text cannot be made safe to
believe, but it can be kept from looking like anything other than a result.
"""

import re

from localqwq.conversations.turns import fenced
from localqwq.visible import visible_code

PAGE = 8_000
"""Characters of a result that the model gets at once."""
MOST = 1_000_000
"""Characters of a result that are kept for further pages."""

_OPENING = re.compile(
    r"<(?=[|｜])"  # <|im_start|> and other names of control tokens
    r"|<(?=/?(?:think|tool_call|tool_response|tools|s|bos|eos|start_of_turn|end_of_turn)\b[^<>]{0,9}>)"
    r"|\[(?=/?(?:INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"
    r"|<(?=<SYS>>|</SYS>>)",
    re.IGNORECASE,
)
_HARMLESS = {"<": "‹", "[": "⁅"}


def harmless(text: str) -> str:
    """Return the text with control characters visible and without names of control tokens.

    The first character of such a name is replaced by one that looks similar, so that no tokenizer
    takes it for a token and no chat template for the end of a result.
    """
    return _OPENING.sub(lambda found: _HARMLESS[found[0]], visible_code(text))


def as_data(text: str) -> str:
    """Return a result as the model reads it: harmless, and fenced unless it is one short line."""
    clean = harmless(text)
    is_plain = len(clean) <= 200 and "\n" not in clean and "`" not in clean
    return clean if is_plain else fenced(clean)
