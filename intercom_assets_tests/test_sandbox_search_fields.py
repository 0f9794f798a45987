"""Every field that Intercom's documentation of a search names is searched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.sandbox.text import plaintext
from intercom_assets_tests.sandbox_api import Api, code, updated

CONTACTS = """
    id role name avatar owner_id email email_domain phone formatted_phone external_id created_at
    signed_up_at updated_at last_seen_at last_contacted_at last_replied_at last_email_opened_at
    last_email_clicked_at language_override browser browser_language os location.country
    location.region location.city unsubscribed_from_emails marked_email_as_spam has_hard_bounced
    ios_last_seen_at ios_app_version ios_device ios_app_device ios_os_version ios_app_name
    ios_sdk_version android_last_seen_at android_app_version android_device android_app_name
    andoid_sdk_version segment_id tag_id custom_attributes.plan_tier
""".split()
CONVERSATIONS = """
    id created_at updated_at source.type source.id source.delivered_as source.subject source.body
    source.author.id source.author.type source.author.name source.author.email source.url
    contact_ids teammate_ids admin_assignee_id team_assignee_id channel_initiated open read state
    waiting_since snoozed_until tag_ids priority statistics.time_to_assignment
    statistics.time_to_admin_reply statistics.time_to_first_close statistics.time_to_last_close
    statistics.median_time_to_reply statistics.first_contact_reply_at statistics.first_assignment_at
    statistics.first_admin_reply_at statistics.first_close_at statistics.last_assignment_at
    statistics.last_assignment_admin_reply_at statistics.last_contact_reply_at
    statistics.last_admin_reply_at statistics.last_close_at statistics.last_closed_by_id
    statistics.count_reopens statistics.count_assignments statistics.count_conversation_parts
    conversation_rating.requested_at conversation_rating.replied_at conversation_rating.score
    conversation_rating.remark conversation_rating.contact_id conversation_rating.admin_d
    ai_agent_participated ai_agent.resolution_state ai_agent.last_answer_type ai_agent.rating
    ai_agent.rating_remark ai_agent.source_type ai_agent.source_title
""".split()
# Where a record has what a search calls so, if not under the same name.
ELSEWHERE = {
    "avatar": "avatar.image_url",
    "ios_app_device": "ios_device",
    "andoid_sdk_version": "android_sdk_version",
    "channel_initiated": "channel.initial",
    "conversation_rating.requested_at": "conversation_rating.created_at",
    "conversation_rating.replied_at": "conversation_rating.updated_at",
    "conversation_rating.score": "conversation_rating.rating",
    "conversation_rating.contact_id": "conversation_rating.contact.id",
    "conversation_rating.admin_d": "conversation_rating.teammate.id",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    # In UTC and with the times of 2.17 a search by time is exact.
    with Sandbox(contacts=200, companies=10, conversations=120, timezone="UTC") as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox, "2.17") as api:
        yield api


def test_the_documentation_names_so_many() -> None:
    assert (len(CONTACTS), len(CONVERSATIONS)) == (43, 56)


@pytest.mark.parametrize("field", CONTACTS)
def test_contacts_are_searched_by(api: Api, sandbox: Sandbox, field: str) -> None:
    searched(api, sandbox, "contacts", field)


@pytest.mark.parametrize("field", CONVERSATIONS)
def test_conversations_are_searched_by(api: Api, sandbox: Sandbox, field: str) -> None:
    searched(api, sandbox, "conversations", field)


def searched(api: Api, sandbox: Sandbox, collection: str, field: str) -> None:
    """Searches by a value that one record has; finds all that have it, and no other."""
    records = getattr(sandbox.workspace, collection).values()
    held = {record["id"]: values(sandbox, record, field) for record in records}
    wanted = next(found[0] for found in held.values() if found and found[0] not in ("", 0))

    found = api.ids(collection, {"field": field, "operator": "=", "value": wanted})

    assert sorted(found) == sorted(id for id, has in held.items() if wanted in has)


def values(sandbox: Sandbox, record: dict[str, Any], field: str) -> list[Any]:
    """What a record has under the name of a search."""
    if field in ("segment_id", "tag_id"):
        workspace, id = sandbox.workspace, record["id"]
        if field == "tag_id":
            return [tag["id"] for tag in workspace.sublists.get((id, "tags"), [])]
        return [segment["id"] for segment in workspace.attached(id, "segments")]
    lists = {
        "contact_ids": ("contacts", "contacts"),
        "teammate_ids": ("teammates", "admins"),
        "tag_ids": ("tags", "tags"),
    }
    if field in lists:
        name, key = lists[field]
        return [one["id"] for one in (record[name] or {}).get(key, [])]
    found: Any = record
    for name in ELSEWHERE.get(field, field).split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if field == "source.body":
        return re.findall(r"\w+", plaintext(found)) if found else []
    return [] if found is None else [found]


def test_of_a_message_single_words_are_found_and_never_phrases(api: Api) -> None:
    query = {"field": "source.body", "operator": "=", "value": "Please"}
    assert api.ids("conversations", query)
    assert not api.ids("conversations", {**query, "value": "Please read"})


@pytest.mark.parametrize("operator", ["IN", "NIN"])
def test_tags_are_searched_by_equality_only(api: Api, operator: str) -> None:
    query = {"field": "tag_id", "operator": operator, "value": ["95"]}
    assert code(api.search("contacts", query)) == (400, "parameter_invalid")


def test_not_having_a_tag_is_the_opposite_of_having_it(api: Api, sandbox: Sandbox) -> None:
    tag = next(iter(sandbox.workspace.tags))
    one, other = (
        api.ids("contacts", {"field": "tag_id", "operator": operator, "value": tag})
        for operator in ("=", "!=")
    )
    assert one
    assert sorted([*one, *other]) == sorted(sandbox.workspace.contacts)


@pytest.mark.parametrize("collection", ["contacts", "conversations", "tickets"])
def test_a_walk_by_id_begins_before_all_ids(api: Api, sandbox: Sandbox, collection: str) -> None:
    sort = {"field": "id", "order": "ascending"}
    everything = {"field": "id", "operator": ">", "value": ""}

    found = api.ids(collection, everything, sort=sort, per_page=33)

    assert found == sorted(getattr(sandbox.workspace, collection), key=lambda id: id.zfill(24))
    rest = api.ids(collection, {**everything, "value": found[4]}, sort=sort)
    assert rest == found[5:]


def test_times_may_be_written_as_floats(api: Api) -> None:
    newest = 1_700_000_000
    for collection in ("contacts", "conversations"):
        exact = api.ids(collection, updated(">", newest))
        assert exact == api.ids(collection, updated(">", float(newest)))


@pytest.mark.parametrize("collection", ["contacts", "conversations", "tickets"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"field": "updated_at", "operator": {}, "value": 1}, "parameter_invalid"),
        ({"field": "updated_at", "operator": [], "value": 1}, "parameter_invalid"),
        ({"field": "id", "operator": None, "value": "1"}, "parameter_invalid"),
        ({"field": {}, "operator": "=", "value": 1}, "invalid_field"),
        ({"operator": {}, "value": []}, "parameter_invalid"),
        ({"operator": "AND", "value": {}}, "parameter_invalid"),
        *(
            ({"field": "updated_at", "operator": operator, "value": "1"}, "type_mismatch")
            for operator in ("~", "!~", "^", "$")
        ),
        ({"field": "updated_at", "operator": "=", "value": {}}, "type_mismatch"),
        ({"field": "updated_at", "operator": "=", "value": "9" * 5000}, "type_mismatch"),
        ({"field": "id", "operator": ">", "value": []}, "type_mismatch"),
        ({"field": "id", "operator": "IN", "value": [{}]}, "type_mismatch"),
    ],
)
def test_what_makes_no_sense_is_an_error_of_intercoms(
    api: Api, collection: str, query: object, expected: str
) -> None:
    assert code(api.search(collection, query)) == (400, expected)
