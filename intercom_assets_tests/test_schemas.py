"""The JSON schemas: valid, complete for the streams, and harmless to what they describe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft4Validator

from intercom_assets.streams import STREAMS

FILES = {
    file.name.removesuffix(".json"): json.loads(file.read_text("utf-8"))
    for file in (resources.files("intercom_assets.streams") / "schemas").iterdir()
    if file.name.endswith(".json")
}
every_schema = pytest.mark.parametrize("stream", sorted(FILES))


def inner_schemas(kind: Any) -> Iterator[dict[str, Any]]:
    """Every schema below one, however deep."""
    for value in kind.values() if isinstance(kind, dict) else kind:
        if isinstance(value, dict):
            yield value
        if isinstance(value, (dict, list)):
            yield from inner_schemas(value)


def test_there_is_one_schema_for_each_stream() -> None:
    assert set(FILES) == set(STREAMS)


@every_schema
def test_schema_is_valid(stream: str) -> None:
    # The same call in jsonschema 2, which singer-python asks for, and in jsonschema 4.
    Draft4Validator.check_schema(FILES[stream])


@every_schema
def test_schema_describes_an_object_that_may_hold_more(stream: str) -> None:
    schema = FILES[stream]
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is True
    assert schema["description"].endswith(".")


@every_schema
def test_record_of_nulls_is_valid(stream: str) -> None:
    schema = FILES[stream]
    Draft4Validator(schema).validate(dict.fromkeys(schema["properties"]))


@every_schema
def test_schema_has_the_columns_that_the_stream_relies_on(stream: str) -> None:
    declared = STREAMS[stream]
    needed = {*declared.key_properties, *declared.unique_key(), *declared.valid_replication_keys}
    assert needed <= set(FILES[stream]["properties"])


@every_schema
def test_id_or_key_comes_first(stream: str) -> None:
    """What a reader of the table looks for first."""
    first = next(iter(FILES[stream]["properties"]))
    assert first in ("id", STREAMS[stream].key_properties[0])


@every_schema
def test_replication_key_is_a_time(stream: str) -> None:
    properties = FILES[stream]["properties"]
    for key in STREAMS[stream].valid_replication_keys:
        assert properties[key]["format"] == "date-time"


@pytest.mark.parametrize("key", ["conversation_id", "conversation_updated_at", "_parts_truncated"])
def test_parts_carry_their_conversation(key: str) -> None:
    assert key in FILES["conversation_parts"]["properties"]


def test_both_lists_of_admins_have_the_same_columns() -> None:
    assert FILES["admin_list"]["properties"] == FILES["admins"]["properties"]


@every_schema
def test_properties_are_nullable_and_described(stream: str) -> None:
    for name, kind in FILES[stream]["properties"].items():
        assert kind["type"][0] == "null" and len(kind["type"]) > 1, name
        assert kind["description"].endswith(".") and len(kind["description"]) > 10, name


@every_schema
def test_ids_are_strings_and_times_are_times(stream: str) -> None:
    for name, kind in FILES[stream]["properties"].items():
        if name == "id" or name.endswith("_id"):
            assert kind["type"] == ["null", "string"] and "format" not in kind, name
        if name.endswith("_at") or name in ("waiting_since", "snoozed_until"):
            assert kind["type"] == ["null", "string"] and kind["format"] == "date-time", name


@every_schema
def test_properties_say_nothing_of_what_is_inside(stream: str) -> None:
    """Singer's transform would rewrite nested times, and remove nested fields not declared."""
    for name, kind in FILES[stream]["properties"].items():
        assert "properties" not in kind, name
        assert not any("format" in inner for inner in inner_schemas(kind)), name
        if "array" in kind["type"]:
            assert kind["items"] == {}, name
        if "object" in kind["type"]:
            assert kind["additionalProperties"] is True, name
