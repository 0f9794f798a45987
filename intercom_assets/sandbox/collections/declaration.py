"""What it takes to declare a collection that Intercom lists plainly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

PREVIEW = (99, 0)


class Paging(Enum):
    """How a list comes in pages.

    Attributes:
        WHOLE: All of it in one answer.
        NUMBERED: Numbered pages, whose successor is a URL.
        COUNTED: Numbered pages; the numbers stand at the top of the answer, and there is no URL.
        CURSOR: Each page names the place after its last record.
        SEARCH: Not listed but searched, by POST to the path with ``/search``. Each page names the
            place after its last record, up to 150 are on one, and the records' times are epoch
            seconds. All that `fields` names can be searched.
    """

    WHOLE = "whole"
    NUMBERED = "numbered"
    COUNTED = "counted"
    CURSOR = "cursor"
    SEARCH = "search"


@dataclass(frozen=True)
class Collection:
    """A collection that the sandbox makes, changes and lists by this declaration alone.

    Attributes:
        name: Of the stream, and of the table in the workspace.
        path: Where it is listed; a child's has ``{id}`` for its parent's id.
        fields: What a record holds: values, or functions of a `Slot`, see `values`.
        size: How many records there are at first; of a child, at most for each parent.
        id: The field that identifies a record.
        since: The first API version that has it; `PREVIEW` if none with a number has.
        kind: The answer's type.
        key: What the answer calls its records.
        paging: How the list comes in pages.
        per_page: Records on a page unless asked otherwise.
        most: Records on a page at the most.
        newest_first: The time that the list is sorted by, newest first; else it is as made.
        after: Query parameters that a record's time must not be before, and the time's field.
        before: Query parameters that it must not be after.
        parent: The collection whose records these belong to.
        parent_id: The column in which a table carries the parent's id.
        parent_updated_at: The one in which it carries the parent's updated_at, if it does.
        parents: Only parents with these values have any; others are not found.
        kinds: What the path's ``{id}`` can be, where there is a list for each kind, as of custom
            objects.
        observed_at: The column in which a table says when it was asked, of numbers that are told as
            they are at the moment.
        words: The field whose values are listed in place of records.
        numbers_as_text: Whether its page numbers come as text.
        changed: Fields that a busy minute changes, with their new values, in one record. Without
            any, and without ``updated_at``, nothing changes.
        added: How many records a busy minute adds.
        lists: Fields that are a list in an envelope, which tables take off, and what it is called.
    """

    name: str
    path: str
    fields: Mapping[str, Any]
    size: int = 5
    id: str = "id"
    since: tuple[int, int] = (2, 7)
    kind: str = "list"
    key: str = "data"
    paging: Paging = Paging.WHOLE
    per_page: int = 20
    most: int = 60
    newest_first: str | None = None
    after: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    parent_id: str = ""
    parent_updated_at: str = ""
    parents: Mapping[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    observed_at: str = ""
    words: str = ""
    numbers_as_text: bool = False
    changed: Mapping[str, Any] = field(default_factory=dict)
    added: int = 0
    lists: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_child(self) -> bool:
        """Whether it has a list for each of something."""
        return bool(self.parent or self.kinds)

    @property
    def pattern(self) -> str:
        """The path, as routes are found by."""
        return self.path.replace("{id}", "*")


@dataclass(frozen=True)
class Nested:
    """A list that stands in each record of another collection, and has a table of its own.

    Attributes:
        name: Of the stream.
        parent: The collection whose records hold it.
        inside: Where in them, such as ``ticket_type_attributes.data``.
        parent_id: The column in which the table carries the parent's id.
        parent_updated_at: The one in which it carries the parent's updated_at, if it does.
    """

    name: str
    parent: str
    inside: str
    parent_id: str
    parent_updated_at: str = ""
