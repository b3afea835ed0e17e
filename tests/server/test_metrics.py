"""Prometheus reads what the server has done."""

from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families

CHAT = "/v1/chat/completions"
HELLO = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}


def scrape(http: httpx2.Client) -> dict[Any, float]:
    """All samples by their name, or by name and label."""
    reply = http.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    samples: dict[Any, float] = {}
    for family in text_string_to_metric_families(reply.text):
        assert family.name.startswith("localqwq_")
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge")
        for sample in family.samples:
            key = (sample.name, *sample.labels.values()) if sample.labels else sample.name
            samples[key] = sample.value
    return samples


def test_counts_after_known_requests(own_http: httpx2.Client) -> None:
    """Tokens read, reused and generated, thoughts, ends, refusals; nothing of them twice."""
    before = scrape(own_http)
    assert all(
        before[f"localqwq_{name}_total"] == 0
        for name in ("prompt_tokens", "cached_tokens", "generated_tokens", "reasoning_tokens")
    )
    assert before["localqwq_requests_running"] == before["localqwq_requests_waiting"] == 0
    assert before["localqwq_context_tokens"] == 2048
    usages = [own_http.post(CHAT, json=HELLO).json()["usage"] for _ in range(2)]
    raw = {"prompt": ["one", "two"], "max_tokens": 3, "cache_prompt": False}
    usages.append(own_http.post("/v1/completions", json=raw).json()["usage"])
    assert own_http.post(CHAT, json={}).status_code == 400
    assert own_http.get("/nothing").status_code == 404
    after = scrape(own_http)
    cached = sum(usage["prompt_tokens_details"]["cached_tokens"] for usage in usages)
    thought = [usage["completion_tokens_details"]["reasoning_tokens"] for usage in usages]
    assert cached > 0
    assert after["localqwq_cached_tokens_total"] == cached
    prompts = sum(usage["prompt_tokens"] for usage in usages)
    assert after["localqwq_prompt_tokens_total"] == prompts - cached
    generated = sum(usage["completion_tokens"] for usage in usages)
    assert after["localqwq_generated_tokens_total"] == generated
    assert after["localqwq_reasoning_tokens_total"] == sum(thought) > 0
    assert after["localqwq_prompt_seconds_total"] > 0
    assert after["localqwq_generation_seconds_total"] > 0
    assert after["localqwq_finished_total", "length"] == 4
    assert after["localqwq_failed_total"] == 0
    assert after["localqwq_responses_total", "200"] == 4
    assert after["localqwq_responses_total", "400"] == 1
    assert after["localqwq_responses_total", "404"] == 1


def test_present_requests(own_http: httpx2.Client) -> None:
    """Two run and the others wait while thirty are open."""
    endless = {"temperature": 5, "top_p": 1, "top_k": 0, "ignore_eos": True}
    body = {"prompt": ["a"] * 30, "max_tokens": 900, "loop_detection": False, "stream": True}
    with own_http.stream("POST", "/v1/completions", json=body | endless) as reply:
        pieces = reply.iter_raw()  # kept: when it is let go, the connection ends
        next(pieces)
        now = scrape(own_http)
    assert now["localqwq_requests_running"] == 2
    assert 1 <= now["localqwq_requests_waiting"] <= 28
