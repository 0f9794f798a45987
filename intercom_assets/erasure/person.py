"""A person, and what they are known by in records."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

# What a record says of the person that it stands for. With these it tells of somebody else what is
# theirs, be it the same as this person's.
ADDRESSES = ("email", "phone", "formatted_phone")
NAMES = ("name", "external_id", "user_id")
# A shorter number would be found in others.
SHORTEST = {"phone": 7, "formatted_phone": 7, "email": 5, "name": 2, "external_id": 4, "user_id": 4}
ERASED = "[erased]"


@dataclass
class Person:
    """A person, and what they are known by.

    Attributes:
        ids: Of their contact, and of those that were merged into it.
        addresses: Their emails and phone numbers, which are looked for everywhere.
        names: Their names, and the ids that others gave them: these are looked for in what they
            took part in, for others may have the same.
    """

    ids: Collection[str]
    addresses: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def learn(self, value: Any) -> None:
        """Takes in what a record says of the person, wherever they stand in it."""
        for found in self._standing_for(value):
            for name in (*ADDRESSES, *NAMES):
                text = found.get(name)
                if isinstance(text, str) and len(text.strip()) >= SHORTEST[name]:
                    (self.addresses if name in ADDRESSES else self.names).add(text.strip())

    def is_meant(self, value: Any) -> bool:
        """Whether something in a record stands for the person."""
        return isinstance(value, dict) and str(value.get("id")) in self.ids

    def _standing_for(self, value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            if self.is_meant(value):
                yield value
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from self._standing_for(item)


@dataclass(frozen=True)
class Words:
    """Texts to be taken out of others, whatever their case."""

    texts: Collection[str]

    @cached_property
    def pattern(self) -> str:
        """A regular expression of them, as they are and as other texts quote them."""
        forms = {
            form
            for text in self.texts
            for form in (text, html.escape(text), quote(text), json.dumps(text)[1:-1])
        }
        return "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))

    def out_of(self, text: str) -> str:
        """A text without them."""
        return self._compiled.sub(ERASED, text) if self.texts else text

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w)(?:{self.pattern})(?!\w)", re.IGNORECASE)
