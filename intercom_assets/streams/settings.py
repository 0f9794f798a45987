"""The small streams that describe how a workspace is set up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

from intercom_assets.client.errors import MalformedResponse, NotFound
from intercom_assets.client.pagination import Page
from intercom_assets.streams.base import FullTableStream, IncrementalStream
from intercom_assets.threads.overlap import overlap


class AdminList(FullTableStream):
    """Teammates, as the list of them shows them."""

    tap_stream_id = "admin_list"
    path = "/admins"
    docs_page = "admins/listadmins"
    data_key = "admins"


class Admins(FullTableStream):
    """Teammates, each asked for by itself: the list leaves some fields out."""

    tap_stream_id = "admins"
    path = "/admins/{id}"
    docs_page = "admins/retrieveadmin"
    parent = AdminList
    references: ClassVar[dict[str, str]] = {"id": "id"}
    counted = ("admins gone",)

    def pages(self) -> Iterator[Page]:
        """One page an admin of the list.

        Raises:
            MalformedResponse: When the list names one without an id.
        """
        listed = [record for page in AdminList(self.client).pages() for record in page.records]
        ids = [str(record["id"]) for record in listed if record.get("id") is not None]
        if len(ids) < len(listed):
            raise MalformedResponse("a record of admins has no id", call=f"GET {AdminList.path}")
        workers = min(self.client.settings.max_concurrency, len(ids))
        return overlap((partial(self._admin, admin) for admin in ids), workers)

    def _admin(self, admin: str) -> list[Page]:
        try:
            answer = self.client.get(self.path.format(id=admin))
        except NotFound:
            # Removed from the workspace since the list was read.
            self.counts["admins gone"] += 1
            return []
        return [Page([answer.body], answer.size, answer.at)]


class CompanyAttributes(FullTableStream):
    """Attributes that companies have, built in and custom, archived ones too."""

    tap_stream_id = "company_attributes"
    key_properties: ClassVar[list[str]] = ["name"]
    # Built-in attributes have no id, and two attributes may share a name.
    unique_by: ClassVar[list[str]] = ["full_name"]
    path = "/data_attributes"
    docs_page = "data-attributes/lisdataattributes"
    params: ClassVar[dict[str, Any]] = {"model": "company", "include_archived": "true"}
    data_key = "data"


class ContactAttributes(FullTableStream):
    """Attributes that contacts have, built in and custom, archived ones too."""

    tap_stream_id = "contact_attributes"
    key_properties: ClassVar[list[str]] = ["name"]
    unique_by: ClassVar[list[str]] = ["full_name"]
    path = "/data_attributes"
    docs_page = "data-attributes/lisdataattributes"
    params: ClassVar[dict[str, Any]] = {"model": "contact", "include_archived": "true"}
    data_key = "data"


class Tags(FullTableStream):
    """Tags."""

    tap_stream_id = "tags"
    path = "/tags"
    docs_page = "tags/listtags"
    data_key = "data"


class Teams(FullTableStream):
    """Teams of the inbox."""

    tap_stream_id = "teams"
    path = "/teams"
    docs_page = "teams/listteams"
    data_key = "teams"


class Segments(IncrementalStream):
    """Segments of people, with how many are in each."""

    tap_stream_id = "segments"
    path = "/segments"
    docs_page = "segments/listsegments"
    params: ClassVar[dict[str, Any]] = {"include_count": "true"}
    data_key = "segments"


class CompanySegments(IncrementalStream):
    """Segments of companies, with how many are in each."""

    tap_stream_id = "company_segments"
    path = "/segments"
    docs_page = "segments/listsegments"
    params: ClassVar[dict[str, Any]] = {"type": "company", "include_count": "true"}
    data_key = "segments"
