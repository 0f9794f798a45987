"""The sandbox's records have the types that Intercom's description of API 2.16 gives them.

`described_types.txt` tells them in short: s text, i integer, n number, b boolean, o object, a list,
* anything, each with ? if it may be null. Where the description is wrong, or silent about what
Intercom sends, or where the sandbox leaves something out, the lists below say why.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.sandbox.collections import PLAIN
from intercom_assets_tests.sandbox_api import Api, updated

Types = dict[str, str]
LETTERS = {str: "s", bool: "b", int: "i", float: "n", dict: "o", list: "a"}
Excuses = dict[str, dict[str, str]]

# Values of another type than described: why, in which collections, which fields.
WRONG: Excuses = {
    "null where there is nothing, as other people's connectors have found": {
        "brands": "help_center_id default_address_settings_id",
        "calls": "answered_at ended_at",
        "companies": "last_request_at plan",
        "contacts": "email email_domain",
        "conversation_parts": "author.email",
        "conversations": """
            conversation_rating.contact conversation_rating.created_at conversation_rating.rating
            conversation_rating.remark conversation_rating.teammate conversation_rating.updated_at
            sla_applied.sla_status source.body source.subject statistics.first_admin_reply_at
            statistics.first_assignment_at statistics.first_close_at
            statistics.first_contact_reply_at statistics.handling_time
            statistics.last_admin_reply_at statistics.last_assignment_admin_reply_at
            statistics.last_assignment_at statistics.last_close_at statistics.last_closed_by_id
            statistics.last_contact_reply_at statistics.median_time_to_reply
            statistics.time_to_admin_reply statistics.time_to_assignment
            statistics.time_to_first_close statistics.time_to_last_close
        """,
        "data_events": "email user_id",
        "ticket_parts": "author.email",
        "ticket_type_attributes": "input_options",
        "tickets": "snoozed_until",
        "visitors": "email signed_up_at",
    },
    "an object in answers that were seen, text in the description": {
        "admins": "avatar",
        "company_notes": "author.avatar",
        "contact_notes": "author.avatar",
    },
    "a company may spend a fraction": {"companies": "monthly_spend"},
}
# Fields that the description does not have.
SILENT: Excuses = {
    "in the description's own examples, or seen by other people's connectors": {
        "articles": "audience_ids",
        "companies": "notes.url notes.total_count notes.has_more",
        "contacts": """
            companies.type enabled_push_messaging formatted_phone location.continent_code
            location.country_code notes.type opted_in_subscription_types
            opted_out_subscription_types referrer sms_consent social_profiles.type tags.type
            unsubscribed_from_sms utm_campaign utm_content utm_medium utm_source utm_term
        """,
        "conversations": "ticket topics",
        "ticket_types": "is_internal",
        "tickets": "channel",
    },
    "described for one article's version, and not for those of a list": {
        "article_versions": "updated_at",
    },
    "described apart from the common fields, for the types that have them": {
        "conversation_attributes": "multiline options",
    },
    "left out of the short list of types, which goes two levels deep": {
        "conversations": "monitor_evaluations",
    },
    "shown with the notes of contacts, and here null": {"company_notes": "contact"},
    "described under another name than Intercom sends": {
        "companies": "notes.data",
        "conversations": "teammates.admins",
        "ticket_types": "ticket_type_attributes.data",
        "visitors": "last_request_at",
    },
    "asked for with include_translations": {"conversation_parts": "translations"},
}
# Fields that the sandbox never has.
LEFT_OUT: Excuses = {
    "a name of the description's that Intercom does not send": {
        "companies": "notes.notes",
        "conversations": "teammates.teammates",
        "ticket_types": "ticket_type_attributes.ticket_type_attributes",
        "visitors": "las_request_at",
    },
    "given by a call for one record only": {"conversations": "conversation_parts"},
    "only where it hangs on a record": {
        "tags": "applied_at applied_by applied_by.id applied_by.type",
    },
    "a contact's note belongs to no company": {"contact_notes": "company.id company.type"},
    "only with include_bodies": {
        "data_connector_executions": """
            raw_response_body request_body request_url response_body
        """,
    },
    "the description's own example is as short": {
        "side_conversations": """
            conversation_parts[].app_package_code conversation_parts[].assigned_to
            conversation_parts[].attachments conversation_parts[].email_message_metadata
            conversation_parts[].event_details conversation_parts[].external_id
            conversation_parts[].metadata conversation_parts[].notified_at
            conversation_parts[].redacted conversation_parts[].state conversation_parts[].tags
        """,
        "visitors": """
            location_data.city_name location_data.continent_code location_data.country_code
            location_data.country_name location_data.postal_code location_data.region_name
            location_data.timezone location_data.type
        """,
    },
    "audiences of the sandbox are made by attributes alone": {
        "audiences": """
            role_predicates[].attribute role_predicates[].comparison role_predicates[].type
            role_predicates[].value
        """,
    },
}


def described() -> dict[str, Types]:
    """Types of fields, by collection."""
    found: dict[str, Types] = {}
    for line in Path(__file__).with_name("described_types.txt").read_text("utf-8").splitlines():
        if not line.startswith(" "):
            types = found[line] = {}
        else:
            kind, *fields = line.split()
            types.update(dict.fromkeys(fields, kind))
    return found


DESCRIBED = described()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=120, companies=60, conversations=120, tickets=60) as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox, "2.18") as api:
        yield api


def read(api: Api, sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    """Records of a collection, as the sandbox answers them."""
    workspace = sandbox.workspace
    searches = {"contacts": "data", "conversations": "conversations", "tickets": "tickets"}
    if name in searches:
        flags = "?include_merge_history=true&include_monitors=true&include_scorecards=true"
        body = {"query": updated(">", 0), "pagination": {"per_page": 150}}
        return list(api.post(f"/{name}/search{flags}", body).json()[searches[name]])
    inside = {
        "ticket_parts": ("tickets", "ticket_parts", "ticket_parts"),
        "ticket_type_attributes": ("ticket_types", "ticket_type_attributes", "data"),
    }
    if name in inside:
        owner, field, key = inside[name]
        return [part for record in read(api, sandbox, owner) for part in record[field][key]]
    each = {
        "conversation_parts": ("conversations", "/conversations/{}?include_translations=true"),
        "handling_events": ("conversations", "/conversations/{}/handling_events"),
        "side_conversations": ("conversations", "/conversations/{}/side_conversations"),
        "contact_notes": ("contacts", "/contacts/{}/notes"),
        "company_notes": ("companies", "/companies/{}/notes"),
        "contact_merges": ("contacts", "/contacts/{}/merge_history"),
        "data_events": ("contacts", "/events?type=user&intercom_user_id={}"),
        "visitors": ("contacts", "/visitors?user_id={}"),
    }
    if name in each:
        owner, path = each[name]
        answers = [api.get(path.format(id)).json() for id in getattr(workspace, owner)]
        return [r for a in answers if a.get("type") != "error.list" for r in listed(a)]
    if name in PLAIN and PLAIN[name].parent:
        parents = workspace.records(str(PLAIN[name].parent))
        paths = [PLAIN[name].path.format(id=parent["id"]) for parent in parents]
        answers = [api.get(path, params={"start_ts": 1}).json() for path in paths]
        return [r for a in answers if a.get("type") != "error.list" for r in listed(a)]
    return listed(api.get(LISTS.get(name) or PLAIN[name].path).json())


LISTS = {
    "companies": "/companies/scroll",
    "admins": "/admins?display_avatar=true",
    "teams": "/teams",
    "tags": "/tags",
    "segments": "/segments?include_count=true",
    "contact_attributes": "/data_attributes?model=contact&include_archived=true",
    "ticket_types": "/ticket_types",
    "ticket_states": "/ticket_states",
    "calls": "/calls",
    "deleted_conversations": "/conversations/deleted",
    "activity_logs": "/admins/activity_logs?created_at_after=1",
}


def listed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of an answer, or the one that it is."""
    parts = answer.get("conversation_parts")
    lists = [parts["conversation_parts"]] if isinstance(parts, dict) else answer.values()
    if "data" not in answer and answer.get("type") == "visitor":
        return [answer]
    return next((list(value) for value in lists if isinstance(value, list)), [answer])


def fields(record: dict[str, Any], types: Types, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Paths of a record with the letters of their values, as deep as they are described."""
    for name, value in record.items():
        path = f"{prefix}{name}"
        yield path, "null" if value is None else LETTERS[type(value)]
        inner = value if isinstance(value, list) else [value]
        below = f"{path}[]." if isinstance(value, list) else f"{path}."
        if any(known.startswith(below) for known in types):
            for one in inner:
                if isinstance(one, dict):
                    yield from fields(one, types, below)


def fits(letter: str, kind: str) -> bool:
    if letter == "null":
        return kind.endswith("?") or kind == "*"
    return letter in kind or kind == "*" or (letter == "i" and "n" in kind)


@pytest.mark.parametrize("name", DESCRIBED)
def test_records_have_the_types_of_the_description(api: Api, sandbox: Sandbox, name: str) -> None:
    types, records = DESCRIBED[name], read(api, sandbox, name)
    assert records
    odd, silent, seen = set(), set(), set()
    for record in records:
        for path, letter in fields(record, types):
            seen.add(path)
            if path not in types:
                silent.add(path)
            elif not fits(letter, types[path]):
                odd.add(path)

    assert odd == excused(WRONG, name)
    assert silent == excused(SILENT, name)
    assert types.keys() - seen == excused(LEFT_OUT, name)


def excused(excuses: Excuses, name: str) -> set[str]:
    """The fields of a collection that there is a reason for; one that is none any more fails."""
    return {path for where in excuses.values() for path in where.get(name, "").split()}
