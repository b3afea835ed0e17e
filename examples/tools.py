"""A tool call through OpenAI's client: the model asks for a product, the program computes it.

python -m examples.tools [PROMPT]
"""

import json
import sys
from typing import Any

from openai import OpenAI

from examples.server import server

CALCULATOR: Any = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Evaluates an arithmetic expression.",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
    },
}


def calculate(expression: str) -> str:
    """Multiply two whole numbers, and nothing else: a model's text is never evaluated."""
    left, _, right = expression.replace("×", "*").partition("*")
    return str(int(left) * int(right))


def main() -> None:
    """Ask, run the tools that are called, and print the answer."""
    prompt = sys.argv[1] if len(sys.argv) > 1 else "What is 23 * 47?"
    messages: list[Any] = [{"role": "user", "content": prompt}]
    with server() as url:
        client = OpenAI(base_url=url, api_key="none")
        for _ in range(4):
            reply = client.chat.completions.create(
                model="demo", messages=messages, tools=[CALCULATOR], temperature=0
            )
            message: Any = reply.choices[0].message
            if not message.tool_calls:
                print(message.content)
                return
            messages.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls:
                arguments = json.loads(call.function.arguments)
                result = calculate(arguments["expression"])
                print(f"{call.function.name}({arguments}) = {result}")
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


if __name__ == "__main__":
    main()
