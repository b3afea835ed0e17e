"""Tasks of reasoning-gym (github.com/open-thought/reasoning-gym, Apache-2.0), drawn from a seed.

Those whose answers are numbers, which the verdicts here compare; its own scores of other answers
would evaluate what the model writes.
"""

import importlib
import importlib.util
from collections.abc import Iterator

from localqwq.errors import LocalqwqError
from localqwq.evals.problem import Problem

TASKS = (
    "aiw", "basic_arithmetic", "binary_alternation", "chain_sum", "circuit_logic", "count_bits",
    "count_primes", "decimal_chain_sum", "dice", "gcd", "gsm_symbolic", "largest_island", "lcm",
    "leg_counting", "letter_counting", "maze", "number_sequence", "products", "rectangle_count",
    "rotten_oranges", "self_reference", "simple_equations", "simple_geometry",
)  # fmt: skip
"""By their names there."""
_MOST = 1_000_000
"""Problems of a task; each is made when it is asked for."""
_ASKED = "Put your final answer within \\boxed{}."


def draw(task: str, seed: int) -> Iterator[Problem]:
    """Yield the problems of a task.

    Raises:
        LocalqwqError: reasoning-gym is not installed.
    """
    if importlib.util.find_spec("reasoning_gym") is None:
        raise LocalqwqError("This suite needs reasoning-gym: pip install 'localqwq[gym]'.")
    library = importlib.import_module("reasoning_gym")  # it has no types, and takes long to import
    found = library.create_dataset(task, seed=seed, size=_MOST)
    for index in range(_MOST):
        entry = found[index]
        prompt = f"{str(entry['question']).rstrip()}\n\n{_ASKED}"
        yield Problem(str(index), prompt, str(entry["answer"]), "integer")
