"""How tokens are chosen: order, biases, log probabilities, stop strings, and hostile values."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.engine.engine import Engine, GenerationRequest, RequestRefused
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.sampler import sampler_chain
from localqwq.gguf.sampling import LIMITS, Sampling
from localqwq.reasoning.events import Answer, Event, Finish, Thought, TokenLogprob
from localqwq.reasoning.messages import Message

GREEDY = Sampling(temperature=0)
QUESTION: list[Message] = [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}]
EVERYTHING = Sampling(
    temperature=6,
    top_p=0.999999,
    top_k=500,
    min_p=0.000001,
    typical_p=0.999999,
    xtc_probability=0.3,
    xtc_threshold=0.2,
    repeat_penalty=1.05,
    repeat_last_n=-1,
    presence_penalty=0.1,
    frequency_penalty=0.1,
    dry_multiplier=0.8,
    dry_penalty_last_n=-1,
    seed=7,
)


def events(engine: Engine, **values: Any) -> list[Event]:
    """One generation with these values of the request, greedy unless they say else."""
    request: dict[str, Any] = {"messages": QUESTION, "sampling": GREEDY} | values
    return list(engine.generate(GenerationRequest(**request)))


def text(sequence: Sequence[Event], kind: type[Thought] | type[Answer]) -> str:
    """All of the thought or of the answer."""
    return "".join(event.text for event in sequence if isinstance(event, kind))


def test_the_order_is_llama_cpps(engine: Engine) -> None:
    """With everything on; and greedy leaves out what cannot matter."""
    llama = binding()

    def names(sampling: Sampling) -> list[str]:
        with sampler_chain(sampling, engine._model, context=1024, bias={5: 1.0}) as chain:
            count = llama.llama_sampler_chain_n(chain)
            samplers = [llama.llama_sampler_chain_get(chain, index) for index in range(count)]
            return [llama.llama_sampler_name(sampler).decode() for sampler in samplers]

    assert names(EVERYTHING) == [
        "logit-bias",
        "penalties",
        "dry",
        "top-k",
        "typical",
        "top-p",
        "min-p",
        "xtc",
        "temp",
        "dist",
    ]
    assert names(GREEDY) == ["logit-bias", "greedy"]


def test_a_seed_repeats_everything(engine: Engine) -> None:
    """The same seed and values, the same text; another seed, another text.

    Without the cache: what is reused was computed in other batches, which round otherwise.
    """
    fresh: dict[str, Any] = {"max_tokens": 60, "cache_prompt": False}
    again = [events(engine, sampling=EVERYTHING, **fresh) for _ in range(2)]
    first, second = ([text(said, Thought), text(said, Answer)] for said in again)
    assert first == second
    other = events(engine, sampling=EVERYTHING.override({"seed": 8}), **fresh)
    assert [text(other, Thought), text(other, Answer)] != first


def test_penalties_look_back_on_the_prompt(engine: Engine) -> None:
    """A strong one keeps the model from words that only the prompt has."""
    model = engine._model
    free = text(events(engine, max_tokens=1), Thought)
    (first,) = model.tokenize(free, begin=False)
    prompted: list[Message] = [{"role": "user", "content": free}]
    assert first in model.tokenize(free, begin=False)
    sampling = Sampling(temperature=0, presence_penalty=100.0, repeat_last_n=-1)
    begun = events(engine, messages=prompted, sampling=sampling, max_tokens=1)
    assert not text(begun, Thought).startswith(free)


def test_biases(engine: Engine) -> None:
    """The strongest always wins, minus infinity never; the end can be forbidden."""
    (word,) = engine._model.tokenize(" count", begin=False)
    said = text(events(engine, logit_bias={word: 100.0}, max_tokens=5), Thought)
    assert said.split() == ["count"] * 5
    first = text(events(engine, max_tokens=1), Thought)
    (token,) = engine._model.tokenize(first, begin=False)
    banned = events(engine, logit_bias={token: -math.inf}, max_tokens=20)
    assert first not in text(banned, Thought)
    endless = events(engine, ignore_eos=True, max_tokens=300, loop_detection=False)
    assert isinstance(endless[-1], Finish)
    assert endless[-1].reason == "length"


def test_banning_every_token_is_survived(engine: Engine) -> None:
    """Something is said all the same."""
    ban = dict.fromkeys(range(engine._model.size), -math.inf)
    for sampling in (GREEDY, EVERYTHING):
        end = events(engine, sampling=sampling, logit_bias=ban, max_tokens=5)[-1]
        assert isinstance(end, Finish)
        assert end.usage.completion_tokens > 0


def test_logprobs(engine: Engine) -> None:
    """One for each token that was chosen, the most probable first, all of them below 0."""
    sequence = events(engine, top_logprobs=3, reasoning_budget=4, max_tokens=100)
    found: list[TokenLogprob] = []
    for event in sequence:
        if isinstance(event, Thought | Answer):
            assert len(event.logprobs) <= event.tokens
            found += event.logprobs
    end = sequence[-1]
    assert isinstance(end, Finish)
    assert 0 < len(found) < end.usage.completion_tokens  # not those of the hand-over
    for entry in found:
        assert entry.logprob <= 0
        assert len(entry.top) == 3
        assert [other.logprob for other in entry.top] == sorted(
            (other.logprob for other in entry.top), reverse=True
        )
        assert entry.top[0].logprob == entry.logprob  # greedy
    assert b"".join(entry.bytes for entry in found).decode().startswith(text(sequence, Thought)[:5])
    total = events(engine, top_logprobs=20, max_tokens=1)[-2]
    assert isinstance(total, Thought)
    assert sum(math.exp(other.logprob) for other in total.logprobs[0].top) <= 1.0001


def test_stop_strings(engine: Engine) -> None:
    """The answer ends before the first of them; the thought does not care."""
    sequence = events(engine)
    whole, thought = text(sequence, Answer), text(sequence, Thought)
    stop = whole[4:7]
    stopped = events(engine, stop=["never there", stop])
    assert text(stopped, Answer) == whole[: whole.index(stop)]
    assert text(stopped, Thought) == thought
    end = stopped[-1]
    assert isinstance(end, Finish)
    assert end.reason == "stop"
    word = thought.split()[0]
    assert text(events(engine, stop=[word]), Thought) == thought
    begun = whole[-3:] + " and on"
    assert text(events(engine, stop=[begun]), Answer) == whole


def test_without_the_cache_the_prompt_is_read_anew(engine: Engine) -> None:
    """And the answer is the same."""
    kept, anew = events(engine), events(engine, cache_prompt=False)
    assert isinstance(anew[-1], Finish)
    assert anew[-1].usage.cached_tokens == 0
    assert text(kept, Answer) == text(anew, Answer)


@pytest.mark.parametrize(
    ("param", "values"),
    [
        ("logit_bias", {"logit_bias": {-1: 0.0}}),
        ("logit_bias", {"logit_bias": {1 << 40: 0.0}}),
        ("logit_bias", {"logit_bias": {5: math.nan}}),
        ("logit_bias", {"logit_bias": {5: math.inf}}),
        ("logit_bias", {"logit_bias": {5: 10.0**300}}),
        ("stop", {"stop": [""]}),
        ("top_logprobs", {"top_logprobs": 21}),
        ("max_tokens", {"max_tokens": -1}),
        ("reasoning_budget", {"reasoning_budget": -5}),
        ("temperature", {"sampling": Sampling(temperature=math.nan)}),
        ("dry_sequence_breakers", {"sampling": Sampling(dry_sequence_breakers=("a\0b",))}),
        ("dry_sequence_breakers", {"sampling": Sampling(dry_sequence_breakers=("",))}),
    ],
)
def test_what_llama_cpp_must_not_get_is_refused(
    engine: Engine, param: str, values: dict[str, Any]
) -> None:
    """Before any event, by the field's name."""
    with pytest.raises(RequestRefused) as caught:
        events(engine, **values)
    assert caught.value.param == param


def _values(name: str) -> st.SearchStrategy[float]:
    low, high = LIMITS[name]
    if isinstance(getattr(Sampling(), name), int):
        return st.sampled_from([int(low), 0, 1, 3, 100, int(high)])
    return st.sampled_from([low, high, low + 1e-9, high / 3, high - 1e-9]) | st.floats(low, high)


SAMPLINGS = st.fixed_dictionaries(
    {},
    optional={
        **{name: _values(name) for name in LIMITS},
        "dry_sequence_breakers": st.lists(
            st.text(min_size=1, max_size=10).filter(lambda text: "\0" not in text), max_size=3
        ).map(tuple),
        "seed": st.integers(),
    },
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=SAMPLINGS, bias=st.dictionaries(st.integers(0, 1000), st.floats(-100, 100)))
def test_all_values_within_the_limits_are_survived(
    engine: Engine, values: dict[str, Any], bias: dict[int, float]
) -> None:
    """llama.cpp ends the process on what it does not like: it likes all of these."""
    sampling = Sampling(**values)
    end = events(engine, sampling=sampling, logit_bias=bias, max_tokens=6)[-1]
    assert isinstance(end, Finish)
