"""The server does what its OpenAPI page says, to whatever a client sends."""

from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from localqwq.server.http.openapi import openapi

SCHEMA = schemathesis.openapi.from_dict(openapi())
OPERATIONS: list[Any] = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]  # fails for a wrong schema
KINDS = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
# What the schema cannot say, such as which tokens there are, may be refused: no check of that.
CHECKS = [
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def test_the_page_is_served(http: httpx2.Client) -> None:
    """As it is tested here, to any client."""
    page = http.get("/openapi.json")
    assert page.headers["content-type"] == "application/json"
    assert page.json() == openapi()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda found: str(found.label))
def test_every_reply_is_as_described(operation: Any, demo_server: str) -> None:
    """Right and wrong requests: no 500s, known statuses, bodies of the known form."""
    right, wrong = (operation.as_strategy(generation_mode=kind) for kind in KINDS)
    cases = st.one_of(right, right, wrong)

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(cases)
    def check(case: schemathesis.Case[Any]) -> None:
        if isinstance(case.body, dict):
            case.body |= short(case.body)
        case.call_and_validate(base_url=demo_server, checks=CHECKS)

    check()


def short(body: dict[str, Any]) -> dict[str, Any]:
    """Few tokens and prompts instead of many, so that the tests are quick."""
    if isinstance(options := body.get("options"), dict):
        return {"options": options | {"num_predict": 2}}
    if not ("messages" in body or "prompt" in body):
        return {}
    limits = {name: body.get(name) for name in ("max_tokens", "max_completion_tokens")}
    less: dict[str, Any] = {
        name: min(value, 4) for name, value in limits.items() if type(value) is int and value > 0
    }
    if not less and body.get("max_tokens") in (None, -1):
        less["max_tokens"] = 2
    if isinstance(body.get("prompt"), list):
        less["prompt"] = body["prompt"][:4]
    return less
