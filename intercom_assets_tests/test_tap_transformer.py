"""`sync` with a `singer.Transformer`, which a caller may bring and nothing here needs."""

from __future__ import annotations

import json

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets_tests.conftest import client_of
from intercom_assets_tests.singer_output import Target

singer = pytest.importorskip(
    "singer",
    reason="singer-python holds jsonschema at 2, which dg cannot use: test_packages.py runs this "
    "in an environment of its own",
)

MODES = (
    "no-integer-datetime-parsing",
    "unix-seconds-integer-datetime-parsing",
    "unix-milliseconds-integer-datetime-parsing",
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stream", ["contacts", "tags"])
def test_sync_takes_a_singer_transformer_in_whatever_mode(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], mode: str, stream: str
) -> None:
    sandbox.workspace.update(stream, next(iter(getattr(sandbox.workspace, stream))), extra=1)
    schema = STREAMS[stream].load_schema()
    before = json.dumps(schema)
    with singer.Transformer(mode) as transformer:
        state = STREAMS[stream](client_of(sandbox)).sync({}, schema, {}, {}, transformer)
    target = Target().read(capsys.readouterr().out)
    assert target.states[-1] == state
    assert target.disagreements(sandbox.workspace, stream) == []
    assert json.dumps(schema) == before


def test_a_record_that_the_transformer_refuses_goes_out_as_it_is(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    [odd, *_] = sandbox.workspace.contacts
    sandbox.workspace.update("contacts", odd, last_seen_at="some day")
    stream = STREAMS["contacts"]
    with singer.Transformer() as transformer:
        stream(client_of(sandbox)).sync({}, stream.load_schema(), {}, {}, transformer)
    target = Target().read(capsys.readouterr().out)
    assert target.tables["contacts"][(odd,)]["last_seen_at"] == "some day"
    assert len(target.tables["contacts"]) == len(sandbox.workspace.contacts)
