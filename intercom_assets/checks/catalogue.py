"""All checks: what each is called, what it looks at, and in which streams."""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from intercom_assets.checks import judges
from intercom_assets.checks.stored import Stored, Verdict
from intercom_assets.streams import BaseStream
from intercom_assets.streams.collections.conversation_parts import ConversationParts
from intercom_assets.streams.collections.tickets import TicketParts


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: Its name.
        description: What it looks at.
        applies: To which streams.
        judge: Looks.
        severity: Of a failure.
    """

    name: str
    description: str
    applies: Callable[[type[BaseStream]], bool]
    judge: Callable[[Stored], Verdict]
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN


def check_specs(stream: type[BaseStream], key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a stream's asset."""
    return [
        dg.AssetCheckSpec(check.name, asset=key, description=check.description)
        for check in CHECKS
        if check.applies(stream)
    ]


READABLE = "readable"
CHECKS = (
    Check(
        READABLE,
        "Scope, plan and API version allow the stream. Without them the step succeeds, and stores "
        "nothing.",
        lambda stream: stream.optional,
        judges.readable,
    ),
    Check(
        "keys_unique",
        "Keys are there, and each once.",
        lambda stream: True,
        judges.keys,
        dg.AssetCheckSeverity.ERROR,
    ),
    Check(
        "bookmark_not_ahead",
        "The bookmark is not in the future by Intercom's clock.",
        lambda stream: stream.replication_key is not None,
        judges.bookmark,
        dg.AssetCheckSeverity.ERROR,
    ),
    Check(
        "total_reached",
        "After a full read the table has as many rows as Intercom told of.",
        lambda stream: stream.tells_total,
        judges.total,
    ),
    Check(
        "parts_complete",
        "The conversations that were read have all the parts that Intercom counts.",
        lambda stream: stream is ConversationParts,
        judges.parts_complete,
    ),
    Check(
        "parts_complete",
        "The tickets that were read have all the parts that Intercom counts.",
        lambda stream: stream is TicketParts,
        judges.ticket_parts_complete,
    ),
    Check(
        "children_have_parents",
        "Each row that was written belongs to a row in the table of its parents.",
        lambda stream: bool(stream.parent and stream.references),
        judges.have_parents,
    ),
)
