"""A conversation of two turns through the Python API: thoughts to stderr, answers to stdout.

python -m examples.chat
"""

import sys

from localqwq import Answer, Finish, Message, Thought, load

QUESTIONS = ("What is 12 + 30?", "How many r's are in the word strawberry?")


def main() -> None:
    """Ask both questions in one conversation."""
    with load("demo") as model:  # or "qwq-32b", or the path of a .gguf
        messages: list[Message] = []
        for question in QUESTIONS:
            print(f"\n> {question}")
            messages.append({"role": "user", "content": question})
            answer = ""
            for event in model.chat(messages, temperature=0, reasoning_budget=400):
                match event:
                    case Thought(text):
                        print(text, end="", file=sys.stderr, flush=True)
                    case Answer(text):
                        answer += text
                    case Finish(usage=usage):
                        print(f"\n{answer}\n({usage.completion_tokens} tokens)")
            messages.append({"role": "assistant", "content": answer})


if __name__ == "__main__":
    main()
