"""What belongs to contacts, a call for each contact that changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from intercom_assets.client.pagination import Page
from intercom_assets.streams.base import PEOPLE
from intercom_assets.streams.children import ChildStream
from intercom_assets.streams.collections.contacts import Contacts, merged
from intercom_assets.streams.records import Gone, Parent
from intercom_assets.streams.transform import Record, digest


class ContactMerges(ChildStream):
    """What was merged into which user. Leads have no such history."""

    tap_stream_id = "contact_merges"
    group = PEOPLE
    default = False
    since = "2.16"
    parent = Contacts
    parent_id = "contact_id"
    parents: ClassVar[dict[str, str]] = {"role": "user"}
    key_properties: ClassVar[list[str]] = ["contact_id", "source_contact_id"]
    path = "/contacts/{id}/merge_history"
    params: ClassVar[dict[str, Any]] = {"per_page": 150}
    docs_page = "contacts/listcontactmergehistory"
    data_key = "data"
    plain = "contact_id source_contact_id type source_contact_role"
    contact_columns = ("contact_id", "source_contact_id")

    def gone_by(self, records: Iterable[Record]) -> Iterator[Gone]:
        """Those who were merged."""
        for record in records:
            yield merged(record, str(record["contact_id"]), self.now())


class ContactSegments(ChildStream):
    """Which segments each contact belonged to when it last changed."""

    tap_stream_id = "contact_segments"
    group = PEOPLE
    default = False
    parent = Contacts
    parent_id = "contact_id"
    complete = True
    key_properties: ClassVar[list[str]] = ["contact_id", "id"]
    path = "/contacts/{id}/segments"
    docs_page = "contacts/listsegmentsforacontact"
    data_key = "data"
    plain = "contact_id id type name person_type"


class DataEvents(ChildStream):
    """What contacts did. Intercom gives the events of the last ninety days; older ones stay."""

    tap_stream_id = "data_events"
    group = PEOPLE
    default = False
    parent = Contacts
    parent_id = "contact_id"
    path = "/events"
    docs_page = "data-events/lisdataevents"
    data_key = "events"
    plain = "id contact_id type event_name intercom_user_id"

    def read(self, path: str, **params: Any) -> Iterator[Page]:
        """One contact's events, since the start date."""
        since = self.client.settings.start * 1000
        return super().read(path, type="user", **({"since": since} if since else {}), **params)

    def pages_of(self, parent: Parent) -> Iterator[Page]:
        """A contact's pages: the call takes its id as a parameter."""
        return self.read(self.path, intercom_user_id=parent.id)

    def rows(
        self, parent: Parent, records: Sequence[Any], context: Mapping[str, Any]
    ) -> list[Record]:
        """The events, each with an id; where Intercom gives none, a hash."""
        return super().rows(parent, [_with_id(parent, record) for record in records], context)


def _with_id(parent: Parent, event: Any) -> Any:
    if not isinstance(event, dict) or event.get("id"):
        return event
    told = [event.get(name) for name in ("event_name", "created_at", "metadata")]
    return {**event, "id": digest([parent.id, *told])}
