"""Functions as tools through the Python API: the model calls, the program asks you, you decide.

python -m examples.agent [PROMPT]
"""

import sys

from localqwq import Answer, CallEnded, ToolCall, load


def calculator(expression: str) -> int:
    """Calculate the value of an arithmetic expression.

    Args:
        expression: The expression to calculate, for example 12 * 34.
    """
    left, _, right = expression.partition("*")
    return int(left) * int(right)


def approve(call: ToolCall) -> bool | str:
    """Allow short calls only; a text is the reason that the model gets."""
    return len(call.arguments) < 100 or "Use smaller numbers."


def main() -> None:
    """Ask, show the calls, and print the answer."""
    prompt = sys.argv[1] if len(sys.argv) > 1 else "What is 23 * 47?"
    with load("demo") as model:  # or "qwq-32b", or the path of a .gguf
        events = model.agent(
            [{"role": "user", "content": prompt}], [calculator], approve=approve, temperature=0
        )
        for event in events:
            match event:
                case CallEnded(step):
                    print(f"{step.name}({step.arguments}) = {step.result}")
                case Answer(text):
                    print(text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
