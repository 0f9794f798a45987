"""Every field of an Intercom record that this package asks for occurs in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from intercom_assets.sandbox.workspace import Workspace

LIST = "type data[].id data[].type data[].url url total_count has_more"
AUTHOR = "type id name email"
ATTACHMENT = "type name url content_type filesize width height"
HEADERS = "type email_address name"

# One line for each object: where it is, then its fields; `[]` stands for the items of a list.
FIELDS = {
    "me": """
        : type id name email job_title email_verified has_inbox_seat team_ids[]
        : away_mode_enabled away_mode_reassign
        avatar: type image_url
        app: type id_code name created_at region timezone identity_verification
    """,
    "admins": """
        : type id name email job_title away_mode_enabled away_mode_reassign
        : away_status_reason_id has_inbox_seat team_ids[] avatar avatar.image_url
        team_priority_level: primary_team_ids[] secondary_team_ids[]
        role: type id name
    """,
    "teams": """
        : type id name admin_ids[] assignment_limit distribution_method
        admin_priority_level: primary_admin_ids[] secondary_admin_ids[]
    """,
    "tags": ": type id name",
    "segments": ": type id name created_at updated_at person_type count",
    "company_segments": ": type id name created_at updated_at count",
    "companies": f"""
        : type id company_id app_id name remote_created_at created_at updated_at
        : last_request_at size website industry monthly_spend session_count user_count
        : custom_attributes tags.type segments.type
        plan: type id name
        tags.tags[]: type id name
        segments.segments[]: type id name
        notes: {LIST}
    """,
    "contact_attributes": """
        : type id model name full_name label description data_type options[] api_writable
        : messenger_writable ui_writable custom archived created_at updated_at admin_id
    """,
    "contacts": f"""
        : type id workspace_id external_id role email email_domain phone formatted_phone
        : name owner_id has_hard_bounced marked_email_as_spam unsubscribed_from_emails
        : created_at updated_at signed_up_at last_seen_at last_replied_at
        : last_contacted_at last_email_opened_at last_email_clicked_at
        : language_override browser browser_version browser_language os
        : custom_attributes unsubscribed_from_sms sms_consent enabled_push_messaging
        : referrer utm_campaign utm_content utm_medium utm_source utm_term
        : android_app_name android_app_version android_device android_os_version
        : android_sdk_version android_last_seen_at
        : ios_app_name ios_app_version ios_device ios_os_version ios_sdk_version
        : ios_last_seen_at
        avatar: type image_url
        social_profiles: type data[].type data[].name data[].url
        location: type country region city country_code continent_code
        tags: {LIST}
        notes: {LIST}
        companies: {LIST}
        opted_in_subscription_types: {LIST}
        opted_out_subscription_types: {LIST}
    """,
    "conversations": f"""
        : type id title created_at updated_at waiting_since snoozed_until open state
        : read priority admin_assignee_id team_assignee_id custom_attributes
        : ai_agent_participated sales_agent_participated
        company: type id company_id name custom_attributes plan.name
        tags: type tags[].type tags[].id tags[].name tags[].applied_at
        tags.tags[].applied_by: type id
        conversation_rating: rating remark created_at updated_at
        conversation_rating.contact: type id external_id
        conversation_rating.teammate: type id
        source: type id delivered_as subject body url redacted
        source.recipients[]: type email drop_reason
        source.reply_to[]: email name
        source.author: {AUTHOR}
        source.attachments[]: {ATTACHMENT}
        source.email_message_metadata: message_id subject history
        source.email_message_metadata.email_address_headers[]: {HEADERS}
        contacts: type contacts[].type contacts[].id contacts[].external_id
        teammates: type admins[].type admins[].id
        first_contact_reply: created_at type url
        sla_applied: type sla_name sla_status
        statistics: type time_to_assignment time_to_admin_reply time_to_first_close
        statistics: time_to_last_close median_time_to_reply first_contact_reply_at
        statistics: first_assignment_at first_admin_reply_at first_close_at
        statistics: last_assignment_at last_assignment_admin_reply_at
        statistics: last_contact_reply_at last_admin_reply_at last_close_at
        statistics: last_closed_by_id count_reopens count_assignments
        statistics: count_conversation_parts handling_time adjusted_handling_time
        statistics.assigned_team_first_response_time[]: team_id team_name
        statistics.assigned_team_first_response_time[]: response_time
        statistics.assigned_team_first_response_time_in_office_hours[]: team_id team_name
        statistics.assigned_team_first_response_time_in_office_hours[]: response_time
        linked_objects: type total_count has_more data[].type data[].id data[].category
        ai_agent: source_type source_title last_answer_type resolution_state rating
        ai_agent: rating_remark created_at updated_at
        ai_agent.content_sources: type total_count
        ai_agent.content_sources.content_sources[]: content_type url title locale
        sales_agent: outcome routing_outcome collected_data
        channel: initial current
        external_references[]: type id
        topics: type total_count topics[].type topics[].id topics[].name
        ticket: type id ticket_id category ticket_attributes ticket_state.category
    """,
    "parts": f"""
        : type id part_type body created_at updated_at notified_at external_id redacted
        : state app_package_code translations
        assigned_to: type id
        author: {AUTHOR} from_ai_agent is_ai_answer
        attachments[]: {ATTACHMENT}
        email_message_metadata: subject message_id
        email_message_metadata.email_address_headers[]: {HEADERS}
        metadata: quick_reply_uuid
        metadata.quick_reply_options[]: text uuid translations
        tags[]: type id name
        event_details: attribute.name value.name value.previous workflow.name
        event_details: action.name action.result event.type event.result
    """,
}
FIELDS["company_attributes"] = FIELDS["contact_attributes"]


def paths() -> Iterator[tuple[str, str]]:
    for collection, lines in FIELDS.items():
        for line in lines.strip().splitlines():
            parent, _, fields = line.strip().partition(":")
            for field in fields.split():
                yield collection, f"{parent}.{field}".strip(".")


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


@pytest.mark.parametrize(("collection", "path"), list(paths()), ids=".".join)
def test_every_field_has_a_value_somewhere(
    workspace: Workspace, collection: str, path: str
) -> None:
    steps = path.split(".")
    found = (value for record in records(workspace, collection) for value in reach(record, steps))
    assert any(value not in (None, "", [], {}) for value in found)


def records(workspace: Workspace, collection: str) -> list[dict[str, Any]]:
    table = getattr(workspace, collection)
    if collection == "me":
        return [table]
    if collection == "parts":
        return [part for parts in table.values() for part in parts]
    return list(table.values()) if isinstance(table, dict) else table


def reach(value: Any, path: list[str]) -> Iterator[Any]:
    """What is found along a path."""
    if not path:
        yield value
    elif not isinstance(value, dict):
        return
    elif path[0].endswith("[]"):
        for item in value.get(path[0][:-2]) or ():
            yield from reach(item, path[1:])
    else:
        yield from reach(value.get(path[0]), path[1:])
