"""What a Singer tap wrote, read in the way of a target, and held against the specification."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jsonschema

from intercom_assets.sandbox import Workspace
from intercom_assets_tests.truth import disagreements

TIME, TEXT, OTHER = "TIMESTAMP WITH TIME ZONE", "VARCHAR", "ANY"


@dataclass
class Target:
    """A target that keeps records by key, and by version where they have one."""

    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    tables: dict[str, dict[Any, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    versions: dict[str, dict[Any, int]] = field(default_factory=lambda: defaultdict(dict))
    states: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    schema_messages: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def read(self, output: str) -> Target:
        """Takes messages in; each line must be one that the specification knows."""
        for line in output.splitlines():
            message = json.loads(line)
            getattr(self, f"_{message['type'].lower()}")(message)
        return self

    def disagreements(self, workspace: Workspace, stream: str) -> list[str]:
        """Where what arrived and the workspace disagree."""
        kinds = {name: _kind(schema) for name, schema in self.schemas[stream].items()}
        rows = [
            {
                "_synced_at": True,
                **{name: _value(kinds[name], record.get(name)) for name in kinds},
            }
            for record in self.tables[stream].values()
        ]
        return disagreements(workspace, stream, rows, kinds, {})

    def _schema(self, message: dict[str, Any]) -> None:
        schema = message["schema"]
        jsonschema.Draft4Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert set(message["key_properties"]) <= set(schema["properties"])
        assert set(message.get("bookmark_properties", [])) <= set(schema["properties"])
        self.schemas[message["stream"]] = schema["properties"]
        self.keys[message["stream"]] = message["key_properties"]
        self.schema_messages[message["stream"]] += 1

    def _record(self, message: dict[str, Any]) -> None:
        stream, record = message["stream"], message["record"]
        assert stream in self.schemas, "a record before its schema"
        assert datetime.fromisoformat(message["time_extracted"].replace("Z", "+00:00")).tzinfo
        assert set(record) <= set(self.schemas[stream]), "a field that was not announced"
        properties = self.schemas[stream]
        jsonschema.Draft4Validator({"type": "object", "properties": properties}).validate(record)
        for name, value in record.items():
            if properties[name].get("format") == "date-time" and value is not None:
                assert datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo
        key = tuple(record[name] for name in self.keys[stream])
        assert None not in key
        self.tables[stream][key] = record
        self.versions[stream][key] = message.get("version", 0)
        self.counts[stream] += 1

    def _state(self, message: dict[str, Any]) -> None:
        assert isinstance(message["value"], dict)
        self.states.append(message["value"])

    def _activate_version(self, message: dict[str, Any]) -> None:
        stream = message["stream"]
        for key, version in list(self.versions[stream].items()):
            if version != message["version"]:
                del self.versions[stream][key], self.tables[stream][key]


def _kind(schema: dict[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return TIME
    return TEXT if [name for name in schema["type"] if name != "null"] == ["string"] else OTHER


def _value(kind: str, value: Any) -> Any:
    if kind == TIME and value is not None:
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value
