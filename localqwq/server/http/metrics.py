"""``GET /metrics``: statistics and state of the server, for Prometheus."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localqwq.server.engine.messages import State
from localqwq.server.http.counts import Counts
from localqwq.server.pool.pool import Pool

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class Metrics:
    """The endpoint. Values are computed on request; nothing is kept up to date."""

    def __init__(self, pool: Pool, counts: Counts) -> None:
        self._pool = pool
        self._counts = counts

    async def respond(self, _: Request) -> Response:
        """Return all metrics in Prometheus' text format."""
        # Imported here, since only scraping needs it.
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Page(self._counts, await self._states()))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def _states(self) -> list[State]:
        """Return the states of all engines."""
        engines = [held.engine for held in self._pool.known if held.engine is not None]
        return [await engine.state() for engine in engines]


class _Page:
    """All metrics at one moment."""

    def __init__(self, counts: Counts, states: Sequence[State]) -> None:
        self._counts = counts
        self._states = states

    def collect(self) -> "Iterator[Metric]":
        """Yield the metrics that a registry asks a collector for."""
        yield from self._sums(self._counts)
        yield from self._present()

    def _sums(self, counts: Counts) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily

        for name, text, value in (
            ("prompt_tokens", "Prompt tokens processed.", counts.prompt_tokens),
            ("cached_tokens", "Prompt tokens found in the KV cache.", counts.cached_tokens),
            ("generated_tokens", "Tokens generated, thoughts included.", counts.generated_tokens),
            ("reasoning_tokens", "Tokens of thought generated.", counts.reasoning_tokens),
            ("prompt_seconds", "Seconds spent processing prompts.", counts.prompt_seconds),
            ("generation_seconds", "Seconds spent generating.", counts.generation_seconds),
            ("failed", "Generations that ended with an error.", counts.failed),
        ):
            yield CounterMetricFamily(f"localqwq_{name}", text, value)
        finished = CounterMetricFamily(
            "localqwq_finished", "Generations by finish reason.", labels=["reason"]
        )
        for reason, count in counts.finished.items():
            finished.add_metric([reason], count)
        yield finished
        left_out = CounterMetricFamily(
            "localqwq_tools_left_out",
            "Requests in which a tool that only the API's provider has was left out.",
            labels=["tool"],
        )
        for tool, count in counts.tools_left_out.items():
            left_out.add_metric([tool], count)
        yield left_out
        lost = CounterMetricFamily(
            "localqwq_prefix_lost",
            "Prompts read again because something near their beginning changed.",
            labels=["place", "cause"],
        )
        for (place, cause), count in counts.prefixes_lost.items():
            lost.add_metric([place, cause], count)
        yield lost
        responses = CounterMetricFamily(
            "localqwq_responses", "HTTP responses by status.", labels=["status"]
        )
        for status, count in counts.responses.items():
            responses.add_metric([str(status)], count)
        yield responses

    def _present(self) -> "Iterator[Metric]":
        from prometheus_client.core import GaugeMetricFamily

        running = sum(state.running for state in self._states)
        waiting = sum(max(0, state.unfinished - state.running) for state in self._states)
        context = sum(state.context for state in self._states)
        for name, text, value in (
            ("requests_running", "Generations being decoded.", running),
            ("requests_waiting", "Generations waiting for a slot.", waiting),
            ("context_tokens", "Context length in tokens, of all models in memory.", context),
            ("models_loaded", "Models in memory.", len(self._states)),
        ):
            yield GaugeMetricFamily(f"localqwq_{name}", text, value)


class Counted:
    """Counts an application's responses by status."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts.responses[message["status"]] += 1
            await send(message)

        await self._app(scope, receive, counted)
