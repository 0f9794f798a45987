"""``python -m benchmarks.intercom JSON``: a sandbox in a process of its own, with a chosen history.

Beside the sandbox's own options the JSON may say ``quiet_for`` (seconds: everything changed at
least so long ago, and all of it within the hour before), and ``long`` (conversations with 500 parts
each).
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import threading
import time
from typing import Any

from intercom_assets.sandbox import Sandbox, Workspace

SERVER_OPTIONS = ("latency", "limit", "window", "gzip", "scroll_page_size")


def main() -> None:
    """Serves until SIGTERM; the first line of stdout is the URL."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    wanted: dict[str, Any] = json.loads(sys.argv[1])
    server = {name: wanted.pop(name) for name in SERVER_OPTIONS if name in wanted}
    quiet_for, long = wanted.pop("quiet_for", None), wanted.pop("long", 0)
    workspace = Workspace(**wanted)
    if quiet_for is not None:
        _age(workspace, quiet_for)
    for ident in list(workspace.conversations)[:long]:
        for _ in range(500 - len(workspace.parts[ident])):
            workspace.add_part(ident)
    # The records stay, so the garbage collector need not look through them.
    gc.freeze()
    with Sandbox(workspace, **server) as sandbox:
        print(sandbox.url, flush=True)
        stopping.wait()


def _age(workspace: Workspace, quiet_for: int) -> None:
    newest = int(time.time()) - quiet_for
    for name in ("contacts", "conversations"):
        for number, record in enumerate(getattr(workspace, name).values()):
            record["updated_at"] = newest - number % 3600


if __name__ == "__main__":
    main()
