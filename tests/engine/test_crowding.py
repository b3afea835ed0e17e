"""More requests than the KV cache has room for: some have to be read again."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.llama.context import Context
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.states.store import StateStore
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Event, Finish, PromptLogprobs

GREEDY = Sampling(temperature=0)
ROUNDING = 0.25
"""Other batches round otherwise; what belongs to another text is several units away."""


def endless(prompt: str | Sequence[int], tokens: int) -> GenerationRequest:
    """So many tokens after a prompt, with their log probabilities."""
    return GenerationRequest(
        prompt=prompt,
        sampling=GREEDY,
        max_tokens=tokens,
        ignore_eos=True,
        loop_detection=False,
        top_logprobs=0,
    )


def prompt_scores(events: Sequence[Event]) -> list[float]:
    """The log probabilities of a prompt's tokens, but the first."""
    [told] = [event for event in events if isinstance(event, PromptLogprobs)]
    return [entry.logprob for entry in told.logprobs if entry is not None]


def scores(events: Sequence[Event]) -> list[float]:
    """The log probabilities of the generated tokens."""
    answers = [event for event in events if isinstance(event, Answer)]
    return [entry.logprob for answer in answers for entry in answer.logprobs]


def distance(found: Sequence[float], expected: Sequence[float]) -> float:
    """The mean difference."""
    return fmean(abs(a - b) for a, b in zip(found, expected, strict=True))


def test_a_scored_prompt_that_had_to_make_room_is_scored_anew(demo_gguf: Path) -> None:
    """The log probabilities are those of its own tokens, from the first one on."""
    request = GenerationRequest(
        prompt="What is 12 + 30? The answer is 42. " * 10,
        sampling=GREEDY,
        max_tokens=0,
        top_logprobs=0,
        score_prompt=True,
    )
    with Engine.load(demo_gguf, LoadOptions(context=256, threads=1, parallel=2)) as engine:
        alone = prompt_scores(list(engine.generate(request)))
        long = endless("Hello! " * 20, 120)
        _, scored = (engine.submit(engine.prepare(one)) for one in (long, request))
        crowded = False
        while engine.step():
            crowded = crowded or (engine.running, engine.waiting) == (1, 1)
        assert crowded
        assert distance(prompt_scores(scored.take()), alone) < ROUNDING


def test_a_state_that_finds_no_room_leaves_no_holes(
    demo_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was evicted for it in vain is not taken for cached any more."""
    # As on devices, what nobody continues stays in the cache until room is needed.
    monkeypatch.setattr(Context, "crowds", False)
    states = StateStore(key="", ram_bytes=1 << 30, directory=None, disk_bytes=0)
    options = LoadOptions(context=512, threads=1, parallel=2, flash=True)
    with Engine.load(demo_gguf, options, states=states) as engine:

        def tokens(text: str, count: int) -> list[int]:
            return engine.tokenize(text * count, begin=False, special=False)[:count]

        story = tokens("How many r's are in the word strawberry? Which is larger, 9.9? ", 300)
        alone = scores(list(engine.generate(endless(story[:120], 8))))
        list(engine.generate(endless(story, 1)))
        list(engine.generate(endless(story[:30] + tokens("Hello! ", 5), 1)))
        other = engine.submit(engine.prepare(endless(tokens("Thank you! ", 350), 30)))
        while not other.generated:  # by then the story has gone to the states
            engine.step()
        again = engine.submit(engine.prepare(endless(story[:120], 8)))
        while engine.step():
            pass
        events = again.take()
        assert isinstance(end := events[-1], Finish)
        assert end.usage.cached_tokens == 30  # of the third story, which it held on to
        assert distance(scores(events), alone) < ROUNDING
