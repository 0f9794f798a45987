"""How a workspace is set up, and who works there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from intercom_assets.client.pagination import Page
from intercom_assets.streams.base import WORKSPACE
from intercom_assets.streams.whole import ChildTableStream, FullTableStream


class AdminList(FullTableStream):
    """Teammates, as the list of them shows them."""

    tap_stream_id = "admin_list"
    group = WORKSPACE
    optional = False
    plain = "id type away_status_reason_id"
    path = "/admins"
    docs_page = "admins/listadmins"
    data_key = "admins"


class Admins(ChildTableStream):
    """Teammates, each asked for by itself: the list leaves some fields out."""

    tap_stream_id = "admins"
    group = WORKSPACE
    optional = False
    plain = "id type away_status_reason_id"
    path = "/admins/{id}"
    docs_page = "admins/retrieveadmin"
    parent = AdminList
    parent_id = "id"
    counted = ("admins gone",)

    def read(self, path: str, **params: Any) -> Iterator[Page]:
        """One page, with the one admin."""
        answer = self.client.get(path, params)
        yield Page([answer.body], answer.size, answer.at)


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
