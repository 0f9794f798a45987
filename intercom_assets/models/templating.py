"""Jinja, as the models' and the relations' templates use it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


@cache
def compiled(template: str) -> jinja2.Template:
    """A template, ready to be rendered; a name that nothing gives it is an error."""
    # Takes a tenth of a second to import, in vain where no models are wanted.
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    return environment.from_string(template)
