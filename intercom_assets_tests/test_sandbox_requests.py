"""Whatever a request holds, the sandbox answers as Intercom would, never with its own fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from intercom_assets.sandbox import Sandbox
from intercom_assets.sandbox.openapi import describe

TINY: dict[str, Any] = {"contacts": 12, "companies": 8, "conversations": 12, "tickets": 6}
LAX = settings(
    deadline=None,
    max_examples=12,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# What is no JSON object at all, or one that no grammar foresees.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["query", "field", "operator", "value", "sort", "order", "pagination"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
# A filter, of which one part is anything.
FILTERS = st.fixed_dictionaries(
    {
        "field": st.sampled_from(["id", "updated_at", "state", "open", "custom_attributes.x"])
        | ANYTHING,
        "operator": st.sampled_from(["=", "!=", "IN", "NIN", ">", "<", "~", "^", "$"]) | ANYTHING,
        "value": ANYTHING,
    }
)
SEARCHES = ("/contacts/search", "/conversations/search", "/tickets/search", "/calls/search")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(**TINY) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def session(sandbox: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {sandbox.token}"
        yield session


def is_intercoms(answer: Any) -> bool:
    """Whether an answer is one that Intercom gives: a success, or an error in its form."""
    if answer.status_code < 400:
        return True
    try:
        told = answer.json()
    except ValueError:
        return False
    return answer.status_code < 500 and bool(told["type"] == "error.list")


def test_the_sandbox_describes_every_call_that_it_answers(sandbox: Sandbox) -> None:
    told = requests.get(f"{sandbox.url}/_sandbox/openapi", timeout=10).json()

    assert told == describe(sandbox.gateway.routes.table)
    described = {(m.upper(), path) for path, calls in told["paths"].items() for m in calls}
    answered = {(m, path.replace("*", "{id}")) for m, path in sandbox.gateway.routes.table}
    assert described == answered


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_call_ends_in_a_fault(
    sandbox: Sandbox, session: requests.Session, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(describe(sandbox.gateway.routes.table))
    ids = real_ids(sandbox)
    for found in schema.get_all_operations():
        ends_well(found.ok(), mode, ids, sandbox.url, session)


def ends_well(
    operation: Any, mode: GenerationMode, ids: list[str], url: str, session: requests.Session
) -> None:
    """Calls one route with whatever its description allows, or forbids."""
    path = operation.path

    @LAX
    @given(operation.as_strategy(mode), st.sampled_from(ids) | st.none())
    def call(case: Any, id: str | None) -> None:
        if id is not None and "{id}" in path:
            case.path_parameters = {"id": id}
        answer = case.call(base_url=url, session=session, allow_redirects=False)
        told = f"{case.method} {path} {case.query}: {answer.status_code} {answer.text[:200]}"
        assert is_intercoms(answer), told

    call()


def real_ids(sandbox: Sandbox) -> list[str]:
    """One record of each table, so that not each call ends at an id that nobody has."""
    workspace = sandbox.workspace
    tables = (
        workspace.contacts, workspace.companies, workspace.conversations, workspace.tickets,
        workspace.calls, workspace.tags, workspace.admins, workspace.ticket_types,
        *workspace.plain.values(),
    )  # fmt: skip
    return [next(iter(table)) for table in tables if table]


@pytest.mark.parametrize("path", SEARCHES)
def test_no_search_ends_in_a_fault(sandbox: Sandbox, session: requests.Session, path: str) -> None:
    @LAX
    @given(ANYTHING | st.fixed_dictionaries({"query": FILTERS}))
    def search(body: Any) -> None:
        assert is_intercoms(session.post(sandbox.url + path, json=body, timeout=10))

    search()


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b'"\\ud800"', b"[" * 5000, b"", b"NaN"])
@pytest.mark.parametrize("path", SEARCHES)
def test_what_is_no_json_is_an_error(
    sandbox: Sandbox, session: requests.Session, path: str, raw: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = session.post(sandbox.url + path, data=raw, headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["type"] == "error.list"


@pytest.mark.parametrize("id", ["%0A", "%00", "%2F", "%F0%9F%8F%96", "..", "*", "{id}", "a%20b"])
@pytest.mark.parametrize("path", ["/contacts/{}", "/conversations/{}/handling_events", "/{}"])
def test_ids_of_any_kind_are_not_found(
    sandbox: Sandbox, session: requests.Session, path: str, id: str
) -> None:
    answer = session.get(sandbox.url + path.format(id), timeout=10)
    assert answer.status_code == 404
    assert answer.json()["type"] == "error.list"
