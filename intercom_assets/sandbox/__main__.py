"""``python -m intercom_assets.sandbox``: a sandbox in a process of its own."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import threading
from pathlib import Path
from shlex import quote

from intercom_assets.sandbox import Sandbox, Workspace


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m intercom_assets.sandbox", description="Serves an Intercom-like API."
    )
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    for name, default in (
        ("contacts", 300),
        ("companies", 120),
        ("conversations", 200),
        ("tickets", 60),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seed", type=int, default=1, help="equal seeds make equal data")
    parser.add_argument("--timezone", default="America/New_York", help="of the workspace")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds of every answer")
    parser.add_argument("--limit", type=int, default=10_000, help="requests in a window")
    parser.add_argument("--window", type=float, default=10.0, help="seconds of a window")
    parser.add_argument("--token", default="sandbox-token", help="the valid access token")
    parser.add_argument("--app-version", default="2.16", help="of requests that name none")
    parser.add_argument("--url-file", type=Path, help="written with the URL once it serves")
    return parser.parse_args()


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that a reader sees all of it or none."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def main() -> None:
    """Serves until SIGINT or SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    args = arguments()
    workspace = Workspace(
        seed=args.seed,
        contacts=args.contacts,
        companies=args.companies,
        conversations=args.conversations,
        tickets=args.tickets,
        timezone=args.timezone,
    )
    # The records stay, so the garbage collector need not look through them.
    gc.freeze()
    names = ("token", "latency", "limit", "window", "app_version")
    options = {name: getattr(args, name) for name in names}
    with Sandbox(workspace, port=args.port, **options) as sandbox:
        variables = f"INTERCOM_ACCESS_TOKEN={quote(args.token)} INTERCOM_BASE_URL={sandbox.url}"
        print(f"export {variables}  # Intercom sandbox at {sandbox.url}", flush=True)
        if args.url_file:
            write_whole(args.url_file, sandbox.url)
        stopping.wait()


if __name__ == "__main__":
    main()
