"""An answer that conforms to a JSON schema; the thought before it is not constrained.

python -m examples.structured
"""

import json
from typing import Any

from localqwq import Answer, load

SCHEMA: Any = {
    "type": "object",
    "properties": {"larger": {"enum": ["9.9", "9.11"]}},
    "required": ["larger"],
    "additionalProperties": False,
}


def main() -> None:
    """Ask for the larger number as JSON, and read it."""
    form = {"type": "json_schema", "json_schema": {"name": "comparison", "schema": SCHEMA}}
    with load("demo") as model:
        events = model.chat(
            [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}],
            response_format=form,
            temperature=0,
            max_tokens=400,
        )
        text = "".join(event.text for event in events if isinstance(event, Answer))
    print(text)
    print(json.loads(text)["larger"])


if __name__ == "__main__":
    main()
