"""More requests than the KV cache has room for: some have to be read again."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event, PromptLogprobs

GREEDY = Sampling(temperature=0)
SCORED = GenerationRequest(
    prompt="What is 12 + 30? The answer is 42. " * 10,
    sampling=GREEDY,
    max_tokens=0,
    top_logprobs=0,
    score_prompt=True,
)
LONG = GenerationRequest(
    prompt="Hello! " * 20, sampling=GREEDY, max_tokens=120, ignore_eos=True, loop_detection=False
)


def scores(events: Sequence[Event]) -> list[float]:
    """The log probabilities of a prompt's tokens, but the first."""
    [told] = [event for event in events if isinstance(event, PromptLogprobs)]
    return [entry.logprob for entry in told.logprobs if entry is not None]


def test_a_scored_prompt_that_had_to_make_room_is_scored_anew(demo_gguf: Path) -> None:
    """The log probabilities are those of its own tokens, from the first one on."""
    with Engine.load(demo_gguf, context=256, threads=1, parallel=2) as engine:
        alone = scores(list(engine.generate(SCORED)))
        other, scored = (engine.submit(engine.prepare(one)) for one in (LONG, SCORED))
        crowded = False
        while engine.step():
            crowded = crowded or (engine.running, engine.waiting) == (1, 1)
        assert other.done
        assert crowded
        found = scores(scored.take())
        assert len(found) == len(alone)
        # Other batches round otherwise; the score of another token is several units away.
        assert fmean(abs(a - b) for a, b in zip(found, alone, strict=True)) < 0.25
