"""What a turn costs in a long conversation with thoughts, with and without reading ahead.

    python -m bench.turns [--model PATH] [--repeat 3] [--threads 2]

Templates leave the thoughts of earlier turns out, so that each prompt differs from what is in the
KV cache from the last thought on. Reading ahead prefills the history without the thought while the
user reads; the baseline is the same engine without that, which still reuses the common beginning.
The same twelve turns run both ways in each round, with the demo model unless another is named.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.locations import demo_checkpoint
from localqwq.reasoning.events import Answer, Finish
from localqwq.reasoning.messages import Message
from localqwq_convert.pipeline import convert

TURNS = (
    "Hello!",
    "How many r's are in the word strawberry?",
    "What is 123 + 456?",
    "Which is larger, 9.9 or 9.11?",
    "Who are you?",
    "What is 78 + 94?",
    "How many e's are in the word cheese?",
    "Which is smaller, 3.5 or 3.45?",
    "What is 801 + 99?",
    "How many a's are in the word banana?",
    "Which is larger, 7.08 or 7.8?",
    "Thank you!",
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn cost."""

    message: int
    """Tokens of the new message alone."""
    prompt: int
    """Tokens of the whole prompt."""
    prefilled: int
    """Tokens of it that were read after the message had come."""
    first_token_s: float


def conversation(engine: Engine, *, ahead: bool) -> Iterator[Turn]:
    """All turns of one conversation."""
    messages: list[Message] = []
    for text in TURNS:
        messages.append({"role": "user", "content": text})
        request = GenerationRequest(messages, sampling=Sampling(temperature=0), max_tokens=400)
        began, first, answer, end = perf_counter(), 0.0, "", None
        for event in engine.generate(request):
            if isinstance(event, Finish):
                end = event
            elif isinstance(event, Answer):
                answer += event.text
        assert end is not None
        first = end.timings.first_token_s or perf_counter() - began
        yield Turn(
            len(engine.tokenize(text, begin=False, special=False)),
            end.usage.prompt_tokens,
            end.usage.prompt_tokens - end.usage.cached_tokens,
            first,
        )
        messages.append({"role": "assistant", "content": answer})
        while ahead and engine.step():
            pass


def main() -> None:
    """Run both ways, print a line for each turn and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, help="a .gguf that thinks (default: the demo, Q8_0)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    rounds: dict[bool, list[list[Turn]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model
        if model is None:
            convert(demo_checkpoint(), Path(folder), ["Q8_0"], name="demo")
            (model,) = Path(folder).glob("*.gguf")
        for _ in range(arguments.repeat):
            for ahead, found in rounds.items():
                with Engine.load(
                    model, LoadOptions(context=2048, threads=arguments.threads)
                ) as engine:
                    found.append(list(conversation(engine, ahead=ahead)))
    report(rounds)


def report(rounds: dict[bool, list[list[Turn]]]) -> None:
    """Medians over the rounds, turn by turn, then over all turns after the first."""
    print("turn  message  prompt   prefilled: baseline  ahead   first token: baseline     ahead")
    seconds: dict[bool, list[float]] = {False: [], True: []}
    read: dict[bool, list[int]] = {False: [], True: []}
    for index in range(len(TURNS)):
        for ahead, found in rounds.items():
            seconds[ahead].append(statistics.median(turns[index].first_token_s for turns in found))
            read[ahead].append(found[0][index].prefilled)
        turn = rounds[True][0][index]
        print(
            f"{index + 1:4} {turn.message:8} {turn.prompt:7} {read[False][-1]:20} "
            f"{read[True][-1]:6} {seconds[False][-1] * 1000:20.1f} ms "
            f"{seconds[True][-1] * 1000:6.1f} ms"
        )
    tokens = sum(read[True][1:]) / sum(read[False][1:])
    time = statistics.median(
        ours / theirs for ours, theirs in zip(seconds[True][1:], seconds[False][1:], strict=True)
    )
    around = max(
        turns[index].prefilled - turns[index].message
        for turns in rounds[True]
        for index in range(1, len(TURNS))
    )
    print(f"reading ahead prefills {tokens:.2f} of the tokens; first token after {time:.2f}")
    print(f"of the time (median of turns 2 to {len(TURNS)}); at most {around} tokens beyond the")
    print("message itself, which are the template's")


if __name__ == "__main__":
    main()
