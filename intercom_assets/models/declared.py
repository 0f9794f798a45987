"""What a YAML file of the package declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# libyaml takes a tenth of the time; not every build of PyYAML has it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def declared(file: Path) -> Any:
    """What a file declares.

    Args:
        file: Its place.
    """
    return yaml.load(file.read_text("utf-8"), Loader=_Loader)
