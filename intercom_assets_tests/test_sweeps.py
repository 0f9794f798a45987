"""Reads of all that there is: what they do not meet is gone, if that can be believed."""

from __future__ import annotations

import pytest

from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams.collections.articles import Articles
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.test_deletions import first, gone, living, with_parts

SWEPT = ("contacts", "companies", "conversations", "tickets", "articles")

pytestmark = pytest.mark.every_kind


@pytest.mark.long
def test_a_sweep_finds_what_is_gone_by_the_pages_alone(
    sandbox: Sandbox, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    project.run(*SWEPT, "conversation_parts", "ticket_parts")
    bookmarks = {stream: project.bookmark(stream) for stream in SWEPT}
    ticket = next(t for t, parts in sandbox.workspace.ticket_parts.items() if parts)
    deleted = {stream: first(sandbox, stream) for stream in SWEPT} | {"tickets": ticket}
    for stream, ident in deleted.items():
        sandbox.workspace.delete(stream, ident)
    sandbox.reset_log()
    project.run(*SWEPT, sweep=True)
    assert {stream: gone(project, stream) for stream in SWEPT} == {
        stream: {ident} for stream, ident in deleted.items()
    }
    for stream in SWEPT:
        told = project.metadata(stream)
        assert (told["intercom/deleted"], told["intercom/rows_gone"]) == (1, 1)
        assert project.bookmark(stream) == bookmarks[stream]
    assert not project.query(
        "from intercom.ticket_parts where _deleted_at is null and ticket_id = ?", ticket
    )
    # A page or two of each, and the end of the scroll.
    assert sum(sandbox.count(path) for path in ("/notes", "/tags", "/subscriptions")) == 0
    assert "contacts: looking which of" in capfd.readouterr().err
    project.run(*SWEPT)
    assert project.differences(*SWEPT) == {}


@pytest.mark.long
def test_a_sweep_brings_back_what_is_there_again(sandbox: Sandbox, project: Project) -> None:
    both = ("conversations", "conversation_parts")
    project.run(*both)
    parts, ident = living(project, "conversation_parts"), with_parts(sandbox)
    sandbox.workspace.delete("conversations", ident)
    project.run("conversations", sweep=True)
    assert gone(project, "conversations") == {ident}
    sandbox.workspace.restore("conversations", ident)
    project.run("conversations", sweep=True)
    assert gone(project, "conversations") == gone(project, "conversation_parts") == set()
    assert living(project, "conversation_parts") == parts


@pytest.mark.long
def test_a_sweep_that_breaks_off_marks_nothing(sandbox: Sandbox, project: Project) -> None:
    project.settings["retry_wait"] = 0.0
    project.settings["page_size"] = 5
    project.run("conversations")
    sandbox.workspace.delete("conversations", first(sandbox, "conversations"))
    sandbox.faults.append(Fault("status", match="/conversations/search", status=500, after=2))
    assert not project.run("conversations", sweep=True, raise_on_error=False).success
    assert gone(project, "conversations") == set()
    sandbox.faults.clear()
    project.run("conversations", sweep=True)
    assert len(gone(project, "conversations")) == 1


@pytest.mark.long
def test_a_sweep_that_finds_a_fifth_gone_marks_nothing_unless_that_is_allowed(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("companies")
    lost = list(sandbox.workspace.companies)[::2]
    for ident in lost:
        sandbox.workspace.delete("companies", ident)
    result = project.run("companies", sweep=True, raise_on_error=False)
    assert "allow_shrink" in str(result.failure_data_for_node("companies"))
    assert gone(project, "companies") == set()
    project.run("companies", sweep=True, allow_shrink=True)
    assert gone(project, "companies") == set(lost)


@pytest.mark.long
@pytest.mark.parametrize("stream", ["companies", "segments"])
def test_a_run_that_reads_everything_anyway_marks_what_is_gone(
    sandbox: Sandbox, project: Project, stream: str
) -> None:
    project.run(stream)
    ident = first(sandbox, stream)
    sandbox.workspace.delete(stream, ident)
    project.run(stream)
    assert gone(project, stream) == {ident}


@pytest.mark.slow
def test_a_run_that_reads_companies_believes_in_no_half_a_read_and_no_great_loss(
    sandbox: Sandbox, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    project.run("companies")
    sandbox.scroll_expiry = 0.2
    one, *others = list(sandbox.workspace.companies)[::3]
    sandbox.workspace.delete("companies", one)
    sandbox.faults.append(Fault("status", match="scroll_param", status=403))
    assert not project.run("companies", raise_on_error=False).success
    assert gone(project, "companies") == set()
    sandbox.faults.clear()
    for ident in others:
        sandbox.workspace.delete("companies", ident)
    capfd.readouterr()
    project.run("companies")
    assert gone(project, "companies") == set() and "allow_shrink" in capfd.readouterr().err
    project.run("companies", allow_shrink=True)
    assert gone(project, "companies") == {one, *others}


def test_what_was_never_read_whole_is_read_and_not_swept(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations", sweep=True)
    assert project.differences("conversations") == {}
    assert project.metadata("conversations")["intercom/inserted"] > 0


@pytest.mark.long
def test_a_later_start_date_makes_no_article_gone(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Articles, "params", {"per_page": 3})
    project.run("articles")
    before = living(project, "articles")
    moments = sorted(record["updated_at"] for record in sandbox.workspace.records("articles"))
    date = project.query("select strftime(to_timestamp(?), '%Y-%m-%dT%H:%M:%SZ')", moments[-2])
    project.run("articles", sweep=True, start_date=date[0][0])
    assert (living(project, "articles"), gone(project, "articles")) == (before, set())


@pytest.mark.long
def test_a_sweep_that_gets_fewer_than_it_is_told_of_marks_nothing(
    sandbox: Sandbox, project: Project
) -> None:
    project.settings["retry_wait"] = 0.0
    project.run("articles")
    total, ident = len(sandbox.workspace.records("articles")), first(sandbox, "articles")
    sandbox.workspace.delete("articles", ident)
    # One that Intercom counts, and gives on no page.
    sandbox.faults.append(Fault("answer", match="/articles", body={"total_count": total}))
    project.run("articles", sweep=True)
    assert project.metadata("articles")["intercom/records_fewer_than_told"] > 0
    assert gone(project, "articles") == set()
    sandbox.faults.clear()
    project.run("articles", sweep=True)
    assert gone(project, "articles") == {ident}
