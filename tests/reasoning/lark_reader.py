"""Reading texts byte by byte with a grammar, as a model's tokens would be."""

from collections.abc import Callable

from localqwq.reasoning.answer_forms import Form
from localqwq.reasoning.grammar_check import bytes_as_tokens, matcher_of, problem_of
from localqwq.reasoning.json_bounds import JsonBounds

__all__ = ["reader"]


def reader(form: Form | str, *, is_json: bool = True) -> Callable[[str], bool]:
    """What says whether a text is one of the grammar."""
    text, bounded = (form.text, form.is_json) if isinstance(form, Form) else (form, is_json)
    first = matcher_of(text, bytes_as_tokens())
    assert not problem_of(first), problem_of(first)

    def takes(written: str) -> bool:
        matcher, bytes_ = first.deep_copy(), written.encode("utf-8", "surrogatepass")
        whole = matcher.try_consume_tokens(list(bytes_)) == len(bytes_)
        return whole and matcher.is_accepting() and (not bounded or JsonBounds().allow(bytes_))

    return takes
