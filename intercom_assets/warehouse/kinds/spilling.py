"""Where an instance of DuckDB in memory puts what does not fit there."""

from __future__ import annotations

import tempfile
from uuid import uuid4


def room_to_spill() -> dict[str, str]:
    """A setting: a folder of the instance's own. DuckDB's choice would be one that all processes of
    one working directory share, which may be nobody's to write."""
    try:
        return {"temp_directory": f"{tempfile.gettempdir()}/intercom_assets_{uuid4().hex}"}
    except FileNotFoundError:  # There is no place for temporary files.
        return {}
