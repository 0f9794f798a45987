"""Whatever Intercom sends, the table says the same; whatever a server answers, an error is ours.

hypothesis makes up the records, the pages and the answers. The slow tests do the same at length.
"""

from __future__ import annotations

import itertools
import json
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import IntercomError
from intercom_assets.client.responses import body_of
from intercom_assets.client.transport import Reply
from intercom_assets.streams import STREAMS
from intercom_assets.warehouse.encoding import JSON
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets_tests.test_rules_guards import REPLACED, Things

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.sampled_from(["", "\0", "null", "true", "1", "1.0", "2024-01-01T00:00:00Z", '"', "{}"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=5
)
FIELDS = ["name", "Name", "NAME", "count", "seen_at", 'a "b"', "a.b", "naïve 😀", "", "\0"]
FIELDS += [
    "_row",
    "_ordinal",
    "_synced_at",
    "_unparsed",
    "_copy",
    "name__2",
    "ID",
    "select",
    "'; --",
]
fields = st.sampled_from(FIELDS) | texts.filter(lambda name: name not in ("id", "updated_at"))
DAYS = [f"2024-01-0{day}T00:00:00Z" for day in range(1, 5)]
records = st.builds(
    lambda own, given: {**given, **own},
    st.fixed_dictionaries({"id": st.sampled_from("abcd"), "updated_at": st.sampled_from(DAYS)}),
    st.dictionaries(fields, values, max_size=5),
)
loads = st.lists(st.lists(records, min_size=1, max_size=5), min_size=1, max_size=4)
few = settings(max_examples=6, deadline=None, derandomize=True, database=None)
many = settings(max_examples=200, deadline=None)


def after(merged: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """What a table holds that had some rows, by id, and gets a record: the newer one."""
    old = merged.get(record["id"])
    if old is None or record["updated_at"] >= old["updated_at"]:
        return {**merged, record["id"]: record}
    return merged


def check_merged(batches: list[list[dict[str, Any]]]) -> None:
    with a_table() as things:
        expected: dict[str, Any] = {}
        for batch in batches:
            widened = things.land(*batch).changes.widened
            for record in batch:
                expected = after(expected, record)
            agree(things, list(expected.values()))
            if JSON in widened.values():
                # What the column held as text is a JSON string now; sent again, a number, say, is
                # stored as the number that it was.
                things.land(*expected.values())
                agree(things, list(expected.values()))
            # The same once more changes nothing.
            again = things.land(*expected.values()).changes
            assert (again.inserted, again.updated) == (0, 0)


def check_replaced(batches: list[list[dict[str, Any]]]) -> None:
    spec = TableSpec(key=("id",), schema=REPLACED.schema, replace=True)
    with a_table() as things:
        for batch in batches:
            things.land(*batch, spec=spec)
            agree(things, batch)
            again = things.land(*batch, spec=spec).changes
            assert (again.inserted, again.updated, again.deleted) == (0, 0, 0)


@contextmanager
def a_table() -> Iterator[Things]:
    """A warehouse of its own for each example."""
    with tempfile.TemporaryDirectory() as folder:
        yield Things(Path(folder) / "things.duckdb")


def agree(things: Things, expected: list[dict[str, Any]]) -> None:
    """Fails unless the table holds these records, each in a row, in any order."""
    types = {row[0]: row[1] for row in things.query("describe intercom.things")}
    renamed = dict(things.query("select field, column_name from intercom._columns"))
    names = list(types)
    living = things.query("from intercom.things where _deleted_at is null")
    stored = [dict(zip(names, row, strict=True)) for row in living]
    rest = list(expected)
    for row in stored:
        columns = {field: renamed.get(field, field) for record in rest for field in record}
        # What did not fit its column stands beside it, as it was sent.
        odd = json.loads(row.get("_unparsed") or "{}")
        beside = {columns.get(field, field): value for field, value in odd.items()}
        for number, record in enumerate(rest):
            wanted = {column: record.get(field) for field, column in columns.items()}
            if all(
                row[name] is None and is_same(beside[name], wanted.get(name))
                if name in beside
                else says(row[name], types[name], wanted.get(name))
                for name in names
                if name not in ("_synced_at", "_deleted_at", "_unparsed")
            ):
                del rest[number]
                break
        else:
            raise AssertionError(f"nobody sent {row}; left of what was sent: {rest}; {types}")
    assert rest == []


def says(found: Any, kind: str, sent: Any) -> bool:
    """Whether a column says what was sent, digit by digit: as itself, as JSON, or as text of it."""
    if sent is None or found is None:
        return found is None and sent is None
    if isinstance(found, datetime):
        return bool(found == datetime.fromisoformat(sent.replace("Z", "+00:00")))
    if kind == "JSON":
        found = json.loads(found)
    if is_same(found, sent):
        return True
    # A column was widened: what was a number is its text now.
    if isinstance(found, str) and not isinstance(sent, str):
        with suppress(ValueError):
            return is_same(json.loads(found), sent)
    return False


def is_same(one: Any, other: Any) -> bool:
    """Equality that tells true from 1 wherever it is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    return bool(one == other)


@pytest.mark.long
@few
@given(loads)
def test_a_merged_table_holds_the_newest_of_whatever_was_sent(batches: Any) -> None:
    check_merged(batches)


@pytest.mark.long
@few
@given(loads)
def test_a_replaced_table_holds_whatever_was_sent_last(batches: Any) -> None:
    check_replaced(batches)


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_merged, check_replaced])
def test_whatever_was_sent_at_length(check: Callable[[Any], None]) -> None:
    many(given(loads)(check))()


bodies = st.binary(max_size=60) | values.map(json.dumps).map(str.encode)
errors = st.builds(
    lambda error, rest: json.dumps({"errors": error, **rest}).encode(),
    values | st.lists(st.dictionaries(st.sampled_from(["code", "message"]), values)),
    st.dictionaries(st.sampled_from(["request_id", "type"]), values),
)


@pytest.mark.long
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.integers(100, 999), bodies | errors)
def test_whatever_an_answer_is_it_is_an_object_or_an_error_that_says_which_call(
    status: int, body: bytes
) -> None:
    try:
        assert isinstance(body_of(Reply(status, None, {}, body), "GET /tags"), dict)
    except IntercomError as problem:
        assert "GET /tags" in str(problem)


class Answering:
    """A server that gives the same bytes for every request, and a client of it."""

    def __init__(self) -> None:
        self.bytes = b""
        self.asked = 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    while self.rfile.readline().strip():
                        pass
                    outer.asked += 1
                    self.wfile.write(outer.bytes)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()
        self.client = IntercomClient(
            config={
                "access_token": "t",
                "base_url": f"http://127.0.0.1:{self.server.server_address[1]}",
                "retry_wait": 0.0,
                "request_timeout": 1,
            }
        )

    def json(self, document: Any) -> None:
        body = json.dumps(document).encode()
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        self.bytes = head % len(body) + body

    def close(self) -> None:
        self.client.close()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def answering() -> Iterator[Answering]:
    server = Answering()
    yield server
    server.close()


latin = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=20)
names = st.sampled_from(
    ["X-RateLimit-Limit", "X-RateLimit-Remaining", "Date", "Content-Encoding", "Content-Length"]
)
heads = st.dictionaries(names, latin | st.integers(-5, 10**12).map(str), max_size=3)


def wire(head: Mapping[str, str], body: bytes) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@few
@given(st.binary(max_size=40) | st.builds(wire, heads, bodies))
def test_whatever_bytes_come_the_client_gives_an_object_or_its_own_error(
    answering: Answering, sent: bytes
) -> None:
    answering.bytes = sent
    with suppress(IntercomError):
        assert isinstance(answering.client.get("/tags").body, dict)


KEYS = ["data", "pages", "type", "tags", "contacts", "conversations", "total_count", "scroll_param"]
KEYS += ["segments", "teams", "admins", "conversation_parts", "companies", "next", "starting_after"]
KEYS += ["id", "updated_at", "created_at", "url", "page", "total_pages", "has_more", "name"]
shapes = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)


def read_all(server: Answering, stream: str, document: Any) -> None:
    server.json(document)
    server.asked = 0
    with suppress(IntercomError):
        for batch in itertools.islice(STREAMS[stream](server.client).batches(), 50):
            assert all(isinstance(record, dict) for record in batch.records)
    assert server.asked < 200, "it asks and asks"


@pytest.mark.long
@pytest.mark.parametrize("stream", STREAMS)
def test_whatever_the_pages_look_like_the_stream_ends_with_records_or_an_error(
    answering: Answering, stream: str
) -> None:
    few(given(shapes)(lambda it: read_all(answering, stream, it)))()


@pytest.mark.slow
@pytest.mark.parametrize("stream", STREAMS)
def test_whatever_the_pages_look_like_at_length(answering: Answering, stream: str) -> None:
    many(given(shapes)(lambda it: read_all(answering, stream, it)))()
