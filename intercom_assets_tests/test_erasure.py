"""One person taken out of every table: nothing of them is found, and nothing else is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from intercom_assets import build_intercom_definitions
from intercom_assets.cli import main
from intercom_assets.erasure import Erased, NotErasable, erase
from intercom_assets.resources import IntercomResource
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.bookkeeping import Bookkeeping
from intercom_assets.warehouse.errors import OwnershipLost
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.warehouses import opened, warehouse_of

NAME, EMAIL, PHONE = "Zenobia O'Quirk-Ünal", "zenobia.quirk@example.org", "+49 170 5550123"
WRITTEN = "ZENOBIA-WROTE-THIS"
USER_ID = "zenobia-user-4711"
SIGNS = (NAME, "Quirk", EMAIL, PHONE, WRITTEN, USER_ID)
STREAMS = (
    *("contacts", "companies", "conversations", "conversation_parts", "tickets", "calls"),
    *("call_transcripts", "data_events", "contact_merges", "side_conversations"),
)
SMALL = {"contacts": 14, "companies": 4, "conversations": 14}


class Scene:
    """A workspace in which one person has left traces everywhere."""

    def __init__(self, project: Project) -> None:
        self.project = project
        space = self.space = project.sandbox.workspace
        talks = {
            id: [contact["id"] for contact in talk["contacts"]["contacts"]]
            for id, talk in space.conversations.items()
        }
        users = [id for id, contact in space.contacts.items() if contact["role"] == "user"]
        called = {call["contact_id"] for call in space.records("calls")}
        # Whoever has most of what there can be.
        self.person = max(
            users, key=lambda id: (id in called, sum(ids == [id] for ids in talks.values()))
        )
        self.other = next(id for id in users if id != self.person)
        self.merged = next(id for id in users if id not in (self.person, self.other))
        space.update("contacts", self.merged, name=f"Old {NAME}", email=f"old.{EMAIL}")
        space.update("contacts", self.person, name=NAME, email=EMAIL)
        space.update("contacts", self.person, phone=PHONE, external_id=USER_ID)
        self.own = [id for id, ids in talks.items() if ids == [self.person]]
        shared, self.foreign = [id for id in talks if id not in self.own][:2]
        self._tell(self.own, shared)
        space.update("conversations", self.foreign, title=f"Ask {EMAIL.upper()} about it")

    def _tell(self, own: list[str], shared: str) -> None:
        space = self.space
        author = {"type": "user", "id": self.person, "name": NAME, "email": EMAIL}
        listed = {"type": "contact", "id": self.person, "external_id": USER_ID}
        other = {"type": "contact", "id": self.other, "external_id": None}
        for id in own:
            source = {**space.conversations[id]["source"], "author": author}
            space.update(
                "conversations",
                id,
                title=WRITTEN,
                source={**source, "body": f"<p>{WRITTEN}</p>", "subject": WRITTEN},
                contacts={"type": "contact.list", "contacts": [listed]},
                custom_attributes={"Order": f"{WRITTEN} 5"},
            )
            space.add_part(id, part_type="comment", body=f"<p>{WRITTEN}</p>", author=author)
        space.update(
            "conversations",
            shared,
            contacts={"type": "contact.list", "contacts": [listed, other]},
        )
        self.shared = shared
        admin = {"type": "admin", "id": "1", "name": "An Admin", "email": "admin@example.org"}
        mine = {"type": "user", "id": self.other, "name": "Somebody", "email": "some@example.org"}
        self.said = []
        for body, who in (
            (WRITTEN, author),
            (f"Dear {NAME}, we wrote to {EMAIL} and called {PHONE}", admin),
            ("MY OWN WORDS", mine),
        ):
            part = space.add_part(shared, part_type="comment", body=body, author=who)
            self.said.append(part["id"])
        company = next(iter(space.companies))
        note = {"type": "note", "id": "77", "body": f"bills go to {EMAIL}", "author": admin}
        space.update("companies", company, notes={"type": "list", "data": [note], "total_count": 1})
        ticket = next(iter(space.tickets))
        space.update(
            "tickets",
            ticket,
            contacts={"type": "contact.list", "contacts": [listed]},
            ticket_attributes={"_default_title_": WRITTEN},
        )
        space.add_ticket_part(ticket, part_type="comment", body=WRITTEN, author=author)

    def found(self, *signs: str) -> dict[str, int]:
        """Rows of all tables, ours and views included, that hold a sign of the person."""
        found = {}
        with opened(self.project.database) as connection:
            tables = connection.execute(
                "select table_name from information_schema.tables where table_schema = 'intercom' "
                "and table_catalog = current_database()"
            ).fetchall()
            for (table,) in tables:
                rows = connection.execute(f'select * from intercom."{table}"').fetchall()
                texts = [" ".join(map(str, row)).casefold() for row in rows]
                count = sum(any(sign.casefold() in text for sign in signs) for text in texts)
                if count:
                    found[table] = count
        return found

    def erase(self, contact: str | None = None, **options: Any) -> Erased:
        database = self.project.database
        warehouse = warehouse_of(database)
        return erase(warehouse, str(database), contact or self.person, "erasure", **options)


def filled(project: Project) -> Scene:
    """A scene whose runs have landed."""
    project.settings["history"] = ["contacts", "conversations", "tickets", "companies"]
    scene = Scene(project)
    project.run(*STREAMS)
    # Of each kind of row there are further versions, and a merged contact.
    scene.space.clock.advance(4_000)
    scene.space.merge_contacts(scene.merged, scene.person)
    scene.space.update("contacts", scene.person, name=NAME)
    scene.space.update("conversations", scene.own[0], state="closed")
    project.run("contacts", "conversations", "contact_merges")
    return scene


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, Path]]:
    """A scene, and a copy of the database that its runs have filled."""
    folder = tmp_path_factory.mktemp("erasure")
    with Sandbox(**SMALL) as sandbox, dg.DagsterInstance.ephemeral(str(folder)) as instance:
        project = Project(sandbox, folder / "warehouse.duckdb", instance)
        scene = filled(project)
        with duckdb.connect(str(project.database)) as connection:
            connection.execute("checkpoint")
        yield scene, Path(shutil.copy(project.database, folder / "filled.duckdb"))


@pytest.fixture
def scene(landed: tuple[Scene, Path]) -> Scene:
    """The scene after its runs."""
    scene, filled = landed
    shutil.copy(filled, scene.project.database)
    return scene


@pytest.mark.long
def test_nothing_of_an_erased_person_is_found_in_any_table(scene: Scene) -> None:
    check_that_nothing_is_found(scene)


@pytest.mark.slow
@pytest.mark.every_kind
def test_nothing_is_found_whatever_the_kind_of_warehouse(
    make_project: Callable[..., Project],
) -> None:
    with Sandbox(**SMALL) as sandbox:
        check_that_nothing_is_found(filled(make_project(sandbox)))


def check_that_nothing_is_found(scene: Scene) -> None:
    before = scene.found(*SIGNS)
    kept = (
        *("contacts", "contacts_history", "companies", "conversations", "conversations_history"),
        *("conversation_parts", "tickets", "tickets_history", "ticket_parts"),
    )
    assert set(kept) <= set(before)
    rows = {name: scene.project.query(f"select count(*) from intercom.{name}") for name in before}
    ids = scene.found(scene.person)

    planned = scene.erase(dry_run=True)
    assert scene.found(*SIGNS) == before
    erased = scene.erase()

    assert scene.found(*SIGNS) == {}
    assert (planned.removed, planned.redacted) == (erased.removed, erased.redacted)
    assert set(erased.ids) == {scene.person, scene.merged}
    # What is theirs is gone, and what they shared with others is not.
    for table in ("contacts", "contacts_history", "calls", "data_events", "contact_merges"):
        assert table not in scene.found(scene.person, scene.merged)
        if table in ids:
            assert erased.removed[table] > 0
    for table in ("conversations", "conversation_parts", "companies", "tickets", "ticket_parts"):
        assert scene.project.query(f"select count(*) from intercom.{table}") == rows[table]
        assert erased.redacted[table] > 0 and erased.removed[table] == 0
    assert scene.erase().removed == scene.erase().redacted == {}


@pytest.mark.long
def test_what_others_wrote_stays(scene: Scene) -> None:
    untouched = (
        "select count(*) from intercom.conversation_parts where author ->> 'id' <> ? "
        "and body is not null"
    )
    before = scene.project.query(untouched, scene.person)
    scene.erase()
    assert scene.project.query(untouched, scene.person) == before
    bodies = dict(
        scene.project.query(
            "select author ->> 'id', body from intercom.conversation_parts where id in (?, ?, ?)",
            *scene.said,
        )
    )
    assert bodies == {
        "1": "Dear [erased], we wrote to [erased] and called [erased]",
        scene.other: "MY OWN WORDS",
        scene.person: None,
    }
    assert scene.project.query(
        "select distinct author ->> 'name', author ->> 'email' from intercom.conversation_parts "
        "where author ->> 'id' = ?",
        scene.person,
    ) == [(None, None)]
    [(title, source, state, statistics)] = scene.project.query(
        "select title, source, state, statistics is not null from intercom.conversations "
        "where id = ?",
        scene.own[0],
    )
    assert (title, state, statistics) == (None, "closed", True)
    assert json.loads(source)["body"] is None and json.loads(source)["delivered_as"]
    assert scene.project.query(
        "select title from intercom.conversations where id = ?", scene.foreign
    ) == [("Ask [erased] about it",)]


@pytest.mark.slow
def test_a_run_brings_back_nothing_that_intercom_does_not_send_again(scene: Scene) -> None:
    scene.erase()
    space = scene.space
    space.delete("contacts", scene.person)
    for id in [*scene.own, scene.shared]:
        space.delete("conversations", id)
    for ticket, record in list(space.tickets.items()):
        if scene.person in json.dumps(record):
            space.delete("tickets", ticket)
    space.update("conversations", scene.foreign, title="nothing")
    for company in space.companies.values():
        space.update("companies", company["id"], notes={"type": "list", "data": []})
    space.clock.advance(100_000)
    scene.project.run(*STREAMS)
    # A column that becomes wider is made anew.
    for n, id in enumerate(list(space.conversations)[:4]):
        space.update("conversations", id, waiting_since=f"no time {n}")
    scene.project.run(*STREAMS, full_refresh=True, allow_shrink=True)
    assert scene.found(*SIGNS) == {}


@pytest.mark.long
def test_a_contact_that_was_merged_is_erased_with_its_survivor(scene: Scene) -> None:
    with pytest.raises(NotErasable, match=f"merged into {scene.person}: erase that one"):
        scene.erase(scene.merged)


@pytest.mark.long
def test_somebody_else_with_the_same_email_is_named_and_stays(scene: Scene) -> None:
    query = scene.project.query
    with duckdb.connect(str(scene.project.database)) as connection:
        connection.execute(
            "update intercom.contacts set email = ? where id = ?", [EMAIL, scene.other]
        )
    assert scene.erase().namesakes == [scene.other]
    assert query("select email from intercom.contacts where id = ?", scene.other) == [(EMAIL,)]
    assert scene.erase("nobody").removed == {}


@pytest.mark.long
def test_what_fails_half_way_has_done_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scene.found(*SIGNS)
    monkeypatch.setattr(Bookkeeping, "forget_keys", None)
    with pytest.raises(TypeError):
        scene.erase()
    assert scene.found(*SIGNS) == before


@pytest.mark.long
def test_a_run_that_began_before_commits_nothing_after(scene: Scene) -> None:
    """It has the person among what it is about to store."""
    warehouse = Warehouse(lambda: duckdb.connect(str(scene.project.database)), "intercom")
    spec = TableSpec(("id",), {"properties": {"id": {"type": "string"}}}, replace=False)
    landing = Landing(warehouse, "contacts", spec, "", "a run")
    scene.erase()
    with pytest.raises(OwnershipLost):
        landing.commit([Batch([{"id": scene.person, "name": NAME}], SyncState())])
    assert scene.found(*SIGNS) == {}


@pytest.mark.slow
def test_a_person_types_it_and_the_file_is_written_anew(
    scene: Scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """DuckDB leaves what was deleted in the file until the page is used again."""
    database = Path(shutil.copy(scene.project.database, tmp_path / "warehouse.duckdb"))
    monkeypatch.setenv("INTERCOM_DUCKDB_PATH", str(database))

    def typed(*words: str) -> str:
        main(["erase", "contact", *words])
        return capsys.readouterr().out

    def in_files() -> list[str]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        return [f.name for f in files if any(sign.encode() in f.read_bytes() for sign in SIGNS)]

    assert in_files() == [database.name]
    with pytest.raises(SystemExit, match="erase that one"):
        typed(scene.merged)
    planned = typed(scene.person, "--dry-run")
    assert "contacts: 2 removed, 0 redacted" in planned
    assert typed(scene.person, "--compact") == planned
    assert in_files() == []
    with duckdb.connect(str(database)) as connection:
        assert connection.execute("select count(*) from intercom.contacts").fetchone() == (12,)
        assert connection.execute(
            "select comment from duckdb_columns() "
            "where table_name = 'contacts' and column_name = '_synced_at'"
        ).fetchone() == ("When this row last changed here",)
    with pytest.raises(SystemExit, match="there is no"):
        typed("1", "--warehouse", str(tmp_path / "other.duckdb"))


ERASED = ("removed", "redacted", "namesakes", "dry_run")


@pytest.mark.long
def test_a_job_erases(scene: Scene) -> None:
    defs = build_intercom_definitions(
        IntercomResource(access_token="token"), str(scene.project.database), models=False
    )
    done = defs.get_job_def("intercom_erase").execute_in_process(
        run_config={"ops": {"intercom_erase_contact": {"config": {"contact": scene.person}}}},
        instance=scene.project.instance,
    )
    assert done.success
    assert scene.found(*SIGNS) == {}
    [output] = [event for event in done.all_events if event.is_successful_output]
    told = {key: value.value for key, value in output.step_output_data.metadata.items()}
    assert told["intercom/removed"]["contacts"] == 2
    assert told.keys() == {f"intercom/{name}" for name in ERASED}
