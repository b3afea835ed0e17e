"""Drawing samples from a server, several at a time, until all are there or the time is over."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing

from localqwq.agent.stop import Stop
from localqwq.client.chat_client import ChatClient
from localqwq.client.collected import Collected
from localqwq.client.errors import EndpointError, EndpointLost
from localqwq.client.options import ChatOptions
from localqwq.errors import LocalqwqError
from localqwq.evals.attempt import Attempt, Task
from localqwq.evals.bfcl import calls
from localqwq.evals.suite import Protocol
from localqwq.evals.verdict import judge
from localqwq.reasoning.messages import Message

_ATTEMPTS = 3
"""How often a request is sent that fails for a reason that may pass."""
_PAUSE = 2.0
"""Seconds before it is sent again."""
_PASSING = (408, 409, 429, 500, 502, 503, 504)


class Runner:
    """Asks a server and judges its answers."""

    def __init__(
        self,
        client: ChatClient,
        model: str | None,
        protocols: Mapping[str, Protocol],
        same_value: Callable[[str, str], bool],
    ) -> None:
        """Set up; ``protocols``: how to sample, by suite; ``same_value`` compares expressions."""
        self._client = client
        self._model = model
        self._protocols = protocols
        self._same_value = same_value
        self._seconds: list[float] = []
        self.cut = 0
        """Answers that were not finished."""

    async def run(
        self,
        tasks: Iterable[Task],
        parallel: int,
        deadline: float | None,
        on_attempt: Callable[[Attempt], None],
    ) -> None:
        """Draw all samples, ``parallel`` at a time; ``on_attempt`` is called with each.

        Nothing goes on after ``deadline``, by ``time.monotonic``. Answers that run then are lost,
        which would favour short ones; so none is begun that, taking as long as the slowest tenth so
        far, would not end in time. :attr:`cut` counts what was lost.

        Raises ``LocalqwqError`` when the server fails.
        """
        left = None if deadline is None else deadline - time.monotonic()
        try:
            async with asyncio.timeout(left):
                await self._all(iter(tasks), parallel, deadline, on_attempt)
        except TimeoutError:
            return

    async def _all(
        self,
        queue: Iterator[Task],
        parallel: int,
        deadline: float | None,
        on_attempt: Callable[[Attempt], None],
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(parallel):
                    group.create_task(self._work(queue, deadline, on_attempt))
        except* LocalqwqError as failures:
            raise _first(failures) from None

    async def _work(
        self,
        queue: Iterator[Task],
        deadline: float | None,
        on_attempt: Callable[[Attempt], None],
    ) -> None:
        for task in queue:
            if deadline is not None and time.monotonic() + self._expected() > deadline:
                return
            self.cut += 1
            attempt = await self._attempt(task)
            self.cut -= 1
            self._seconds.append(attempt.seconds)
            on_attempt(attempt)

    def _expected(self) -> float:
        """Return the seconds that nine of ten answers so far have not exceeded."""
        ordered = sorted(self._seconds)
        return ordered[int(0.9 * (len(ordered) - 1))] if ordered else 0.0

    async def _attempt(self, task: Task) -> Attempt:
        lost: EndpointLost | None = None
        for pause in range(1, _ATTEMPTS):
            try:
                return await self._ask(task)
            except EndpointLost as error:
                lost = error
            except EndpointError as error:
                if error.status not in _PASSING:
                    raise lost or error from None  # what ended an answer explains what is gone
            await asyncio.sleep(pause * _PAUSE)
        return await self._ask(task)

    async def _ask(self, task: Task) -> Attempt:
        began, collected = time.monotonic(), Collected()
        options = self._options(task)
        problem = task.problem
        messages: list[Message] = [*problem.before, {"role": "user", "content": problem.prompt}]
        async with aclosing(self._client.chat(messages, options)) as events:
            async for event in events:
                collected.take(event)
        seconds = time.monotonic() - began
        answer = calls.written(collected.calls) if problem.kind == "calls" else collected.answer
        stop = Stop()
        try:
            verdict = await asyncio.to_thread(judge, problem, answer, self._same_value, stop)
        except asyncio.CancelledError:
            stop.set()
            raise
        finish = collected.finish
        assert finish is not None
        usage = finish.usage
        return Attempt(
            key=task.key,
            answer=answer,
            given=verdict.given,
            right=verdict.right,
            thought_tokens=usage.reasoning_tokens,
            tokens=usage.completion_tokens,
            seconds=seconds,
            finish=finish.reason,
            thought=finish.thought,
            marks=verdict.marks,
        )

    def _options(self, task: Task) -> ChatOptions:
        protocol = self._protocols[task.key.suite]
        return ChatOptions(
            model=self._model,
            tools=task.problem.tools,
            max_tokens=protocol.max_tokens,
            temperature=protocol.temperature,
            top_p=protocol.top_p,
            top_k=protocol.top_k,
            seed=task.key.seed,
            reasoning_budget=task.key.budget,
            stream_interval=1.0,
        )


def _first(failures: "BaseExceptionGroup[BaseException]") -> BaseException:
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
