"""Erasing a contact reaches the rows of every stream that names one, by what the stream declares.

A stream that need not be reached says so: ``contact_columns = ()``, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from intercom_assets.streams import STREAMS, BaseStream

PEOPLE = r"(?:\w+_)?(?:contact|user|lead|visitor|customer)"
# Columns of the id of a contact; users and leads are contacts. Authors, senders and owners by id
# are teammates, and authors that are objects are found wherever they stand.
ONE_CONTACT = re.compile(rf"{PEOPLE}_id")
# Columns that hold contacts, whole or by their ids.
CONTACTS = re.compile(rf"{PEOPLE}(?:s|_ids)?")
every_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=list(STREAMS))


def columns(stream: type[BaseStream], pattern: re.Pattern[str]) -> list[str]:
    """The columns that name contacts; of a flag the name says more than it holds."""
    properties = stream.load_schema()["properties"].items()
    return [
        name
        for name, kind in properties
        if pattern.fullmatch(name) and "boolean" not in kind["type"]
    ]


def goes_with_a_contact(stream: type[BaseStream]) -> bool:
    """Whether a row is removed with its contact, or with what it hangs on."""
    if stream.contact_columns:
        return True
    hangs = "id" in stream.references.values()
    return hangs and stream.parent is not None and goes_with_a_contact(stream.parent)


def need_not(stream: type[BaseStream]) -> bool:
    """Whether a stream says that its rows are not about contacts."""
    return vars(stream).get("contact_columns") == ()


def talks() -> Iterator[str]:
    """Columns of the ids of what contacts have together, such as conversations."""
    for stream in STREAMS.values():
        if stream.parent and stream.parent.shared_by:
            yield from (column for column, of in stream.references.items() if of == "id")


TALKS = frozenset(talks())


def is_of_talks(stream: type[BaseStream]) -> bool:
    return bool(stream.shared_by or TALKS & set(stream.load_schema()["properties"]))


@every_stream
def test_a_row_about_a_contact_goes_with_the_contact(stream: type[BaseStream]) -> None:
    if columns(stream, ONE_CONTACT) and not need_not(stream):
        assert goes_with_a_contact(stream), "contact_columns"


@every_stream
def test_a_row_that_contacts_share_says_where_they_are(stream: type[BaseStream]) -> None:
    if (named := columns(stream, CONTACTS)) and not need_not(stream):
        assert goes_with_a_contact(stream) or stream.shared_by in named, "shared_by"


@every_stream
def test_what_a_stream_declares_are_columns_of_its(stream: type[BaseStream]) -> None:
    shared = [stream.shared_by] if stream.shared_by else []
    paths = (*stream.contact_columns, *shared, *stream.personal, *stream.bodies)
    assert {path.split(".")[0] for path in paths} <= set(stream.load_schema()["properties"])


@every_stream
def test_each_text_of_a_conversation_is_harmless_or_emptied(stream: type[BaseStream]) -> None:
    """Of a part all goes that is not harmless, for it tells who wrote it."""
    properties = stream.load_schema()["properties"]
    if not is_of_talks(stream) or goes_with_a_contact(stream) or "author" in properties:
        return
    texts = {
        name
        for name, kind in properties.items()
        if "string" in kind["type"] and kind.get("format") != "date-time"
    }
    told = (*stream.plain.split(), *stream.bodies, *stream.personal, *stream.references)
    assert texts - {path.split(".")[0] for path in told} == set(), "plain, bodies or personal"


@every_stream
def test_only_a_class_that_names_contacts_says_that_it_need_not(stream: type[BaseStream]) -> None:
    if need_not(stream):
        assert columns(stream, ONE_CONTACT) or columns(stream, CONTACTS), "an excuse for nothing"


def test_something_is_checked() -> None:
    named = {name for name, s in STREAMS.items() if columns(s, ONE_CONTACT) or columns(s, CONTACTS)}
    assert {"contact_segments", "calls", "conversations", "tickets", "data_events"} <= named
    assert sorted(TALKS) == ["conversation_id", "ticket_id"]
