"""Many prompts at once: they share the context and are computed together.

python -m examples.batch [FILE]

FILE has one prompt a line; without it, a few sums are asked. Prints one JSON document a line.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localqwq import Answer, Finish, LocalModel, Thought, load

PROMPTS = tuple(f"What is {number} + {2 * number}?" for number in range(11, 17))
AT_ONCE = 4


def ask(model: LocalModel, prompt: str) -> dict[str, object]:
    """Ask one prompt; any thread may do so."""
    thought, answer, tokens = "", "", 0
    for event in model.chat([{"role": "user", "content": prompt}], temperature=0, max_tokens=400):
        match event:
            case Thought(text):
                thought += text
            case Answer(text):
                answer += text
            case Finish(usage=usage):
                tokens = usage.completion_tokens
    return {"prompt": prompt, "thought": thought, "answer": answer, "tokens": tokens}


def main() -> None:
    """Ask all prompts, and print the answers in the prompts' order."""
    prompts = PROMPTS
    if len(sys.argv) > 1:
        lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
        prompts = tuple(line for line in lines if line.strip())
    with load("demo") as model, ThreadPoolExecutor(AT_ONCE) as pool:
        for result in pool.map(lambda prompt: ask(model, prompt), prompts):
            print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
