"""Fields that Intercom gives only where a call asks for them.

None of them costs a further call. All but the translations are asked for unless the settings say
otherwise; for those, Intercom translates every part of a conversation and sends each body again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TypeVar

from intercom_assets.client.errors import PermissionDenied, RequestRefused

logger = logging.getLogger(__name__)
T = TypeVar("T")


class OptionalFields:
    """The parameters with which a stream asks for what it may have besides.

    Args:
        known: Parameters of the stream's call by the name of what they bring.
        wanted: Names of what is to be asked for.
    """

    def __init__(self, known: Mapping[str, str], wanted: tuple[str, ...]) -> None:
        self._params = {known[name]: "true" for name in known if name in wanted}

    def asked(self, ask: Callable[[Mapping[str, str]], T]) -> T:
        """What a call answers, with the optional fields if Intercom lets us have them.

        Args:
            ask: Makes the call with the parameters that it is given.
        """
        if not self._params:
            return ask({})
        try:
            return ask(self._params)
        except (PermissionDenied, RequestRefused) as problem:
            answer = ask({})
            logger.warning("%s is not asked for any more: %s", ", ".join(self._params), problem)
            self._params = {}
            return answer


def begun(pages: Iterator[T]) -> Iterator[T]:
    """The same pages, the first of them read already, so that a refusal shows itself here."""
    first = next(pages, None)
    return iter(()) if first is None else chain([first], pages)
