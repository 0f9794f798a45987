"""An Intercom workspace in memory: its data, and the ways in which data changes."""

from __future__ import annotations

from intercom_assets.sandbox import changes, consequences, replies
from intercom_assets.sandbox.attached import attach, attached
from intercom_assets.sandbox.clock import Clock
from intercom_assets.sandbox.plan import DAY, Plan, Record
from intercom_assets.sandbox.tables import Tables


class Workspace(Tables):
    """All records as they are on the wire, generated from a seed.

    The methods keep the records consistent with each other: a tag that is deleted is taken off
    its contacts, a part makes its conversation newer. See `Tables` for reading them safely.

    Args:
        seed: Equal seeds and sizes make equal data.
        hidden: How many conversations are listed by search though they are gone.
        long_conversations: How many have 500 parts or more; the first has 600.
        long_tickets: How many have 500 parts or more.
        history_days: The data's times are laid out over so many days before the anchor.
        anchor: The last second of the data; by default the start of the clock's day, in UTC.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        contacts: int = 300,
        companies: int = 120,
        conversations: int = 200,
        admins: int = 8,
        teams: int = 3,
        tags: int = 25,
        segments: int = 6,
        timezone: str = "America/New_York",
        id_code: str = "sandbox1",
        region: str = "US",
        clock: Clock | None = None,
        history_days: int = 400,
        parts_per_conversation: int = 6,
        long_conversations: int = 3,
        hidden: int = 0,
        tickets: int = 60,
        parts_per_ticket: int = 5,
        long_tickets: int = 1,
        anchor: int | None = None,
    ) -> None:
        clock = clock or Clock()
        plan = Plan(
            seed=seed,
            contacts=contacts,
            companies=companies,
            conversations=conversations,
            admins=admins,
            teams=teams,
            tags=tags,
            segments=segments,
            timezone=timezone,
            id_code=id_code,
            region=region,
            history_days=history_days,
            parts_per_conversation=parts_per_conversation,
            long_conversations=min(long_conversations, conversations // 10),
            hidden=hidden,
            tickets=tickets,
            parts_per_ticket=parts_per_ticket,
            long_tickets=min(long_tickets, tickets // 10),
            anchor=clock.now() // DAY * DAY if anchor is None else anchor,
        )
        super().__init__(plan, clock)
        for ident in list(self.conversations)[len(self.conversations) - hidden :]:
            self.hide(ident, at=self.plan.anchor)
        consequences.remember_merges(self)
        self.removed: dict[tuple[str, str], consequences.Belongings] = {}

    def delete(self, collection: str, id: str) -> None:
        """Removes a record, and what others say of it."""
        with self.changing(collection, id):
            self.removed[collection, id] = consequences.belongings(self, collection, id)
            consequences.remove(self, collection, id)

    def restore(self, collection: str, id: str, *, touch: bool = False) -> Record:
        """Undoes a deletion: the record is listed again, as it was.

        Args:
            collection: Its table.
            id: Its id.
            touch: Whether that counts as a change of it.
        """
        with self.lock:
            consequences.bring_back(self, collection, self.removed.pop((collection, id)))
            return self.update(collection, id, touch=touch)

    def merge_contacts(self, source: str, target: str) -> None:
        """Merges one contact into another: the source vanishes, the target takes over its lists."""
        with self.changing("contacts", source):
            consequences.merge(self, source, target)

    def hide(self, conversation_id: str, *, at: int | None = None) -> None:
        """Deletes a conversation behind the back of search, which goes on listing it."""
        with self.changing("conversations", conversation_id):
            self.record("conversations", conversation_id)
            self.hidden_conversations.add(conversation_id)
            self.deleted_conversations[conversation_id] = self.time(at)

    def set_sublist(
        self,
        id: str,
        kind: str,
        records: list[Record],
        *,
        touch: bool = True,
        at: int | None = None,
    ) -> Record:
        """Replaces a list of a contact ("tags", "companies", "notes", "subscriptions").

        The notes of a company are set in the same way. What is embedded is cut from the list anew.
        """
        return consequences.set_sublist(self, id, kind, records, touch=touch, at=at)

    def add_part(self, conversation_id: str, *, at: int | None = None, **fields: object) -> Record:
        """Adds a part to a conversation, which becomes as new as its part."""
        return replies.add(self, conversation_id, at=at, **fields)

    def add_ticket_part(
        self, ticket_id: str, *, touch: bool = True, at: int | None = None, **fields: object
    ) -> Record:
        """Adds a part to a ticket; without `touch` the ticket's updated_at does not tell."""
        return replies.add_to_ticket(self, ticket_id, touch=touch, at=at, **fields)

    def move_ticket(self, ticket_id: str, state_id: str, *, at: int | None = None) -> Record:
        """Puts a ticket into a state; returns the part that tells of it."""
        return replies.move_ticket(self, ticket_id, state_id, at=at)

    def attached(self, id: str, kind: str) -> list[Record]:
        """What hangs on a contact ("segments", "merge_history", "events") or a conversation
        ("handling_events", "side_conversations", "monitor_evaluations", "scorecards")."""
        with self.lock:
            return attached(self, id, kind)

    def attach(self, id: str, kind: str, record: Record) -> None:
        """Adds to what hangs on a contact or a conversation, without touching it."""
        attach(self, id, kind, record)

    def change(self, n: int = 5) -> dict[str, int]:
        """Does what a busy minute does; tells how many records of each stream are new or changed.

        Args:
            n: Roughly how many contacts and conversations are concerned.
        """
        with self.lock:
            return changes.change(self, n)
