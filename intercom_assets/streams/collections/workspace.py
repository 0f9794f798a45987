"""How a workspace is set up, and who works there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, ClassVar

from intercom_assets.client import Answer
from intercom_assets.client.errors import UnusableAnswer
from intercom_assets.client.identity import naming_a_workspace
from intercom_assets.client.pagination import Page
from intercom_assets.streams.base import WORKSPACE
from intercom_assets.streams.transform import Record
from intercom_assets.streams.whole import (
    ChildTableStream,
    EveryParent,
    FullTableStream,
    IncrementalStream,
)

logger = logging.getLogger(__name__)

# Teammates who may be unreadable one by one, before it is taken for a fault of all.
FEW = 3


class WorkspaceItself(FullTableStream):
    """The workspace, one row."""

    tap_stream_id = "workspace"
    group = WORKSPACE
    key_properties: ClassVar[list[str]] = ["id_code"]
    path = "/me"
    docs_page = "admins/identifyadmin"
    plain = "id_code type name region timezone"

    def pages(self) -> Iterator[Page]:
        """One page, with what Intercom says of the token's workspace.

        Raises:
            UnusableAnswer: When it says nothing, asked again and again.
        """

        def read(answer: Answer) -> Page:
            return Page([naming_a_workspace(answer.body)["app"]], answer.size, answer.at)

        yield self.client.read("GET", self.path, read)


class AdminList(FullTableStream):
    """Teammates, as the list of them shows them."""

    tap_stream_id = "admin_list"
    group = WORKSPACE
    optional = False
    plain = "id type away_status_reason_id"
    path = "/admins"
    optionals: ClassVar[dict[str, str]] = {"avatars": "display_avatar"}
    docs_page = "admins/listadmins"
    data_key = "admins"


class Admins(ChildTableStream):
    """Teammates, each asked for by itself: the list leaves some fields out."""

    tap_stream_id = "admins"
    group = WORKSPACE
    optional = False
    plain = "id type away_status_reason_id"
    path = "/admins/{id}"
    optionals: ClassVar[dict[str, str]] = {"avatars": "display_avatar"}
    docs_page = "admins/retrieveadmin"
    parent = AdminList
    parent_id = "id"
    counted = ("admins gone",)

    def read(self, path: str, **params: Any) -> Iterator[Page]:
        """One page, with the one admin."""
        answer = self.optional_fields.asked(lambda more: self.client.get(path, {**more, **params}))
        yield Page([answer.body], answer.size, answer.at)

    def unreadable(self, parent: Record, problem: UnusableAnswer) -> list[Page]:
        """What the list tells of a teammate, unless there are many.

        Raises:
            UnusableAnswer: The problem, when it is no longer one teammate's.
        """
        self.counts["admins unreadable"] += 1
        if self.counts["admins unreadable"] > FEW:
            raise problem
        logger.warning("admin %s stands as the list has it: %s", parent["id"], problem)
        return [Page([parent], 0, int(self.client.clock.time()))]


class Teams(FullTableStream):
    """Teams of the inbox."""

    tap_stream_id = "teams"
    group = WORKSPACE
    optional = False
    plain = "id type name distribution_method"
    path = "/teams"
    docs_page = "teams/listteams"
    data_key = "teams"


class Brands(FullTableStream):
    """Brands, each with its own look, help center and address."""

    tap_stream_id = "brands"
    group = WORKSPACE
    since = "2.15"
    path = "/brands"
    docs_page = "brands/listbrands"
    data_key = "data"
    plain = "id type name help_center_id default_address_settings_id"


class TeamMetrics(EveryParent, IncrementalStream):
    """How many conversations each teammate has at hand, as it is at each run.

    The rows of a run stay; the next run adds its own.
    """

    tap_stream_id = "team_metrics"
    group = WORKSPACE
    default = False
    since = "2.16"
    parent = Teams
    parent_id = "team_id"
    replication_key = "observed_at"
    append = True
    key_properties: ClassVar[list[str]] = ["team_id", "admin_id", "observed_at"]
    path = "/teams/{id}/metrics"
    docs_page = "teams/listteammetrics"
    data_key = "data"
    plain = "team_id admin_id type"

    def read(self, path: str, **params: Any) -> Iterator[Page]:
        """A team's pages, each record with the moment of its answer."""
        for page in super().read(path, **params):
            for record in page.records:
                record["observed_at"] = page.at
            yield page


class AwayStatusReasons(FullTableStream):
    """Reasons for being away."""

    tap_stream_id = "away_status_reasons"
    group = WORKSPACE
    since = "2.14"
    path = "/away_status_reasons"
    docs_page = "away-status-reasons/listawaystatusreasons"
    data_key = "data"
    plain = "id type label emoji"


class EmailSettings(FullTableStream):
    """Addresses that email is sent from."""

    tap_stream_id = "email_settings"
    group = WORKSPACE
    since = "2.15"
    path = "/emails"
    docs_page = "emails/listemails"
    data_key = "data"
    plain = "id type email domain brand_id"


class Audiences(FullTableStream):
    """Groups of contacts that content is limited to."""

    tap_stream_id = "audiences"
    group = WORKSPACE
    since = "2.16"
    path = "/audiences"
    params: ClassVar[dict[str, Any]] = {"per_page": 50}
    tells_total = True
    docs_page = "audiences/listaudiences"
    data_key = "data"
    plain = "id type name"


class Roles(FullTableStream):
    """What teammates may do."""

    tap_stream_id = "roles"
    group = WORKSPACE
    default = False
    since = "2.18"
    path = "/roles"
    docs_page = "roles/listroles"
    data_key = "data"
    plain = "id type name description"
