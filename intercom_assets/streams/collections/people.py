"""What describes people and companies."""

from __future__ import annotations

from typing import Any, ClassVar

from intercom_assets.client.errors import WrongAnswer
from intercom_assets.client.pagination import Page, list_pages
from intercom_assets.streams.base import PEOPLE
from intercom_assets.streams.whole import FullTableStream, IncrementalStream

_ATTRIBUTE = "id type model name full_name label description data_type admin_id"


class CompanyAttributes(FullTableStream):
    """Attributes that companies have, built in and custom, archived ones too."""

    tap_stream_id = "company_attributes"
    group = PEOPLE
    optional = False
    key_properties: ClassVar[list[str]] = ["name"]
    # Built-in attributes have no id, and two attributes may share a name.
    unique_by: ClassVar[list[str]] = ["full_name"]
    path = "/data_attributes"
    docs_page = "data-attributes/lisdataattributes"
    params: ClassVar[dict[str, Any]] = {"model": "company", "include_archived": "true"}
    expected: ClassVar[dict[str, Any]] = {"model": "company"}
    data_key = "data"
    plain = _ATTRIBUTE


class ContactAttributes(FullTableStream):
    """Attributes that contacts have, built in and custom, archived ones too."""

    tap_stream_id = "contact_attributes"
    group = PEOPLE
    optional = False
    key_properties: ClassVar[list[str]] = ["name"]
    unique_by: ClassVar[list[str]] = ["full_name"]
    path = "/data_attributes"
    docs_page = "data-attributes/lisdataattributes"
    params: ClassVar[dict[str, Any]] = {"model": "contact", "include_archived": "true"}
    expected: ClassVar[dict[str, Any]] = {"model": "contact"}
    data_key = "data"
    plain = _ATTRIBUTE


class Tags(FullTableStream):
    """Tags."""

    tap_stream_id = "tags"
    group = PEOPLE
    optional = False
    path = "/tags"
    docs_page = "tags/listtags"
    data_key = "data"
    plain = "id type name"


class Segments(IncrementalStream):
    """Segments of people, with how many are in each."""

    tap_stream_id = "segments"
    group = PEOPLE
    optional = False
    path = "/segments"
    docs_page = "segments/listsegments"
    params: ClassVar[dict[str, Any]] = {"include_count": "true"}
    data_key = "segments"
    plain = "id type name person_type"


class CompanySegments(IncrementalStream):
    """Segments of companies, with how many are in each."""

    tap_stream_id = "company_segments"
    group = PEOPLE
    optional = False
    path = "/segments"
    docs_page = "segments/listsegments"
    params: ClassVar[dict[str, Any]] = {"type": "company", "include_count": "true"}
    data_key = "segments"
    plain = "id type name person_type"

    def check(self, page: Page) -> None:
        """Refuses segments of people.

        They say whom they hold; whether those of companies do, too, no page tells, so the ids
        decide.

        Raises:
            WrongAnswer: When the type that was asked for made no difference.
        """
        if not any(record.get("person_type") for record in page.records):
            return
        people = list_pages(self.client, self.path, key=self.data_key)
        known = {record.get("id") for other in people for record in other.records}
        if any(record.get("id") in known for record in page.records):
            raise WrongAnswer(
                "Intercom was asked for segments of companies and gave those of people",
                call=f"GET {self.path}",
            )


class SubscriptionTypes(FullTableStream):
    """Kinds of message that people opt in to, or out of."""

    tap_stream_id = "subscription_types"
    group = PEOPLE
    path = "/subscription_types"
    docs_page = "subscription-types/listsubscriptiontypes"
    data_key = "data"
    plain = "id type state consent_type"


class ConversationAttributes(FullTableStream):
    """Custom attributes of conversations, archived ones too."""

    tap_stream_id = "conversation_attributes"
    group = PEOPLE
    since = "2.16"
    path = "/conversations/attributes"
    params: ClassVar[dict[str, Any]] = {"include_archived": "true"}
    docs_page = "conversations-attributes/listconversationattributes"
    data_key = "data"
    plain = "id type name description data_type admin_id"
