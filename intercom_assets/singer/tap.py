"""``tap-intercom-assets``: the streams as a Singer tap.

Messages go to stdout, and nothing else does: logs and metrics go to stderr.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import ConfigError, IntercomError, PermissionDenied
from intercom_assets.client.settings import DESCRIPTIONS
from intercom_assets.singer.catalog import Selected, discover, select
from intercom_assets.singer.messages import Messages, write_message, write_stream
from intercom_assets.singer.state import CURRENT, plain
from intercom_assets.streams import STREAMS, NestedStream
from intercom_assets.streams.availability import advice, is_lacking
from intercom_assets.version import __version__

NAME = "tap-intercom-assets"

logger = logging.getLogger(NAME)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tap.

    Args:
        argv: Arguments; by default those of the command line.

    Returns:
        The exit code: 0, or 1 when something failed, which the log then names.
    """
    options = _arguments(argv)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        return _run(options)
    except IntercomError as problem:
        logger.critical("%s", problem)
    except BrokenPipeError:
        logger.critical("the target stopped reading")
        # Python would complain about the pipe once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def sync(
    client: IntercomClient,
    selected: Sequence[Selected],
    state: Mapping[str, Any],
    config: Mapping[str, Any],
) -> list[str]:
    """Writes the messages of streams, beginning with the one that was interrupted.

    Args:
        client: Where to read from.
        selected: The streams.
        state: The state to go on from.
        config: The tap's configuration.

    Returns:
        Names of the streams that the token may not read; they were left out. Of an optional one
        that is lacking only the log tells.
    """
    denied = []
    names = [entry.stream.tap_stream_id for entry in selected]
    first = names.index(state[CURRENT]) if state.get(CURRENT) in names else 0
    told = dict(state)
    chosen = {entry.stream for entry in selected}
    for entry in [*selected[first:], *selected[:first]]:
        if issubclass(entry.stream, NestedStream) and entry.stream.parent in chosen:
            continue  # goes out with its parent
        stream = entry.stream(client)
        nested = [other for other in selected if other.stream in entry.stream.nested]
        told[CURRENT] = stream.tap_stream_id
        write_message({"type": "STATE", "value": told})
        began = time.monotonic()
        try:
            told = write_stream(
                stream,
                told,
                entry.schema,
                entry.metadata,
                config,
                nested=[
                    Messages(other.stream(client), other.schema, other.metadata) for other in nested
                ],
            )
        except IntercomError as problem:
            if is_lacking(entry.stream, problem):
                said = f"{stream.tap_stream_id}: {problem}. {advice(entry.stream)}"
                logger.warning("left out: %s", said)
            elif isinstance(problem, PermissionDenied):
                logger.error("%s: %s", stream.tap_stream_id, problem)
                denied.append(stream.tap_stream_id)
            else:
                raise
            continue
        _log_metric(stream.tap_stream_id, time.monotonic() - began)
    told.pop(CURRENT, None)
    write_message({"type": "STATE", "value": told})
    return denied


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=NAME, description="Intercom as a Singer tap.")
    parser.add_argument("-c", "--config", type=Path, help="JSON file with the settings")
    parser.add_argument("-s", "--state", type=Path, help="JSON file with the state to go on from")
    parser.add_argument("--catalog", type=Path, help="JSON file that selects streams and fields")
    parser.add_argument("-p", "--properties", type=Path, help="the older name of --catalog")
    parser.add_argument("-d", "--discover", action="store_true", help="write the catalog and end")
    parser.add_argument("--about", action="store_true", help="describe the tap as JSON and end")
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    return parser.parse_args(argv)


def _run(options: argparse.Namespace) -> int:
    if options.about:
        print(json.dumps(about(), indent=2))
        return 0
    if options.discover:
        print(json.dumps(discover(), indent=2))
        return 0
    config = _read(options.config, "config") or {}
    client = IntercomClient(config=config)
    catalog = _read(options.catalog or options.properties, "catalog")
    state = plain(_read(options.state, "state"))
    denied = sync(client, select(catalog), state, config)
    if denied:
        logger.critical(
            "left out, for the token lacks the permission: %s. Grant it in Intercom's Developer "
            "Hub, or deselect the streams in the catalog",
            ", ".join(denied),
        )
    return 1 if denied else 0


def about() -> dict[str, Any]:
    """What the tap is, in the form that Meltano's SDK gives it."""
    required = ["access_token"]
    return {
        "name": NAME,
        "description": "Intercom's contacts, companies, conversations and all their parts",
        "version": __version__,
        "capabilities": ["catalog", "discover", "properties", "state", "about", "activate-version"],
        "settings": {
            "type": "object",
            "properties": {
                name: {"type": ["string", "null"], "description": text, "secret": name in required}
                for name, text in DESCRIPTIONS.items()
            },
            "required": required,
        },
        "streams": list(STREAMS),
    }


def _read(path: Path | None, what: str) -> dict[str, Any] | None:
    """A JSON object from a file.

    Raises:
        ConfigError: When there is no such file, or something else in it.
    """
    if path is None:
        return None
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        # Neither kind of error quotes the file, which may hold the token.
        reason = problem.strerror if isinstance(problem, OSError) else "it is no JSON"
        raise ConfigError(f"cannot read the {what} {path}: {reason}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"the {what} {path} must be a JSON object")
    return value


def _log_metric(stream: str, seconds: float) -> None:
    logger.info(
        "METRIC: %s",
        json.dumps(
            {
                "type": "timer",
                "metric": "sync_duration",
                "value": round(seconds, 3),
                "tags": {"stream": stream, "status": "succeeded"},
            }
        ),
    )
