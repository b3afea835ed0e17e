"""What a person's typed answer to a question about a call means."""

from localqwq.agent.permission import Allowed, Decision, Denied, Span

_SPANS: dict[str, Span] = {
    **dict.fromkeys(("y", "yes"), "once"),
    **dict.fromkeys(("c", "conversation"), "conversation"),
    **dict.fromkeys(("a", "always"), "always"),
}
_NO = ("", "n", "no")


def decision(line: str) -> Decision:
    """Return the decision in a line; an unknown word is a reason to deny."""
    words = line.strip()
    if (span := _SPANS.get(words.lower())) is not None:
        return Allowed(span)
    return Denied("" if words.lower() in _NO else words)


def clear_decision(line: str) -> Decision | None:
    """Return the decision in a line that may also be something else; None if it is.

    A reason follows the word: ``n not in that folder``.
    """
    word, _, rest = line.strip().partition(" ")
    if word.lower() in _SPANS and not rest:
        return Allowed(_SPANS[word.lower()])
    return Denied(rest.strip()) if word and word.lower() in _NO else None
