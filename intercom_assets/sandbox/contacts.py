"""Contacts, as search answers them: users and leads."""

from __future__ import annotations

from typing import Any

from intercom_assets.sandbox import sublists, words
from intercom_assets.sandbox.attributes import VARIANTS, custom_values
from intercom_assets.sandbox.plan import Plan, Record

_DEVICE = ("app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at")
_UTM = ("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term")
# A device, by the suffixes above but the last.
_PHONES: dict[str, tuple[str, ...]] = {
    "android": ("Sandbox", "5.0.0", "Pixel 3", "10", "28"),
    "ios": ("Sandbox", "5.0.0", "iPhone 11", "13.3.1", "13.3.1"),
}
_ABSENT = (
    *(f"{platform}_{suffix}" for platform in _PHONES for suffix in _DEVICE),
    *_UTM,
    "referrer",
    "enabled_push_messaging",
    "unsubscribed_from_sms",
    "sms_consent",
    "formatted_phone",
)
_NULLS = (
    "external_id", "phone", "name", "avatar", "owner_id", "last_seen_at", "last_replied_at",
    "last_contacted_at", "last_email_opened_at", "last_email_clicked_at", "language_override",
    "browser", "browser_version", "browser_language", "os",
)  # fmt: skip
_FILLED = (
    "location", "social_profiles", "custom_attributes", *sublists.FIELDS, "created_at",
    "updated_at", "signed_up_at",
)  # fmt: skip
# A copy of a dict that has all its keys already is made at once, and never grown.
_LEAN: Record = {
    "type": "contact",
    "id": "",
    "workspace_id": "",
    "role": "user",
    "email": None,
    "email_domain": None,
    **dict.fromkeys((*_NULLS, *_FILLED)),
    "has_hard_bounced": False,
    "marked_email_as_spam": False,
    "unsubscribed_from_emails": False,
}
_FULL: Record = {
    **_LEAN,
    **dict.fromkeys(_ABSENT),
    "unsubscribed_from_sms": False,
    "sms_consent": False,
}
_NAMES = [f"{first} {last}" for first in words.FIRST_NAMES for last in words.LAST_NAMES]
_DOMAINS = ("example.com", "exämple.de", "mail.example.org", "intercom.example")


class Contacts:
    """Makes contacts, one after the other; cheap, for there may be hundreds of thousands.

    What many share (places, profiles) is one object in all of them: replace it, never change it.
    """

    def __init__(self, plan: Plan, admins: list[Record]) -> None:
        self._plan = plan
        self._owners: list[str | None] = [None, *(admin["id"] for admin in admins)]
        self._rng = plan.rng("contacts")
        self._custom = [custom_values(n) for n in range(VARIANTS)]
        self._places = [*map(_place, words.PLACES), _place((None,) * 5)]
        self._made = 0

    def make(self, created_at: int, updated_at: int) -> Record:
        n = self._made
        self._made += 1
        ident = self._plan.hex_id("contact", n)
        # Two of three never had a phone or a campaign: what is absent is normal, and saves room.
        record = (_LEAN if n % 3 else _FULL).copy()
        self._identify(record, ident, n)
        self._describe(record, n)
        record.update(sublists.empty(ident))
        record["created_at"] = created_at
        record["updated_at"] = updated_at
        record["signed_up_at"] = created_at if n % 5 != 4 else None
        if n % 2:
            _act(record, n, created_at, updated_at)
        if n % 6 == 0:
            _equip(record, n, updated_at)
        return record

    def _identify(self, record: Record, ident: str, n: int) -> None:
        chance = self._rng.random()
        lead = n % 5 == 4
        domain = _DOMAINS[n % 4]
        record["id"] = ident
        record["workspace_id"] = self._plan.id_code
        record["role"] = "lead" if lead else "user"
        record["external_id"] = None if lead else f"user-{n}"
        if not lead or n % 10 == 4:
            record["email"] = f"person{n}@{domain}"
            record["email_domain"] = domain
        if n % 13:
            record["name"] = _NAMES[int(chance * len(_NAMES))]
        if n % 7 == 1:
            record["phone"] = f"+1212555{n % 10_000:04}"
        record["owner_id"] = self._owners[n % len(self._owners)]

    def _describe(self, record: Record, n: int) -> None:
        record["location"] = self._places[n % len(self._places)]
        record["social_profiles"] = _SOCIAL if n % 17 == 3 else _UNSOCIAL
        # Each has its own, for this is what people change most.
        record["custom_attributes"] = self._custom[n % VARIANTS].copy()
        if n % 11 == 1:
            record["avatar"] = {
                "type": "avatar",
                "image_url": f"https://static.example.com/avatars/c{n}.png" if n % 2 else None,
            }
        if n % 19 == 4:
            record["has_hard_bounced"] = True
        if n % 23 == 5:
            record["marked_email_as_spam"] = record["unsubscribed_from_emails"] = True


def _act(record: Record, n: int, created_at: int, updated_at: int) -> None:
    """Fills in what an active person leaves behind."""
    between = created_at + (updated_at - created_at) // 2
    record["last_seen_at"] = updated_at
    record["browser"] = ("chrome", "firefox", "safari")[n % 3]
    record["browser_version"] = f"{80 + n % 40}.0"
    record["browser_language"] = ("en", "de", "ja", "ar")[n % 4]
    record["os"] = ("Windows 11", "OS X 10.15.7", "Linux")[n % 3]
    if n % 3 == 0:
        record["last_replied_at"] = record["last_contacted_at"] = between
        record["last_email_opened_at"] = record["last_email_clicked_at"] = between
        record["language_override"] = "en"


def _equip(record: Record, n: int, updated_at: int) -> None:
    """Fills in a phone and the campaign that the person came from."""
    platform = ("android", "ios")[n // 6 % 2]
    for suffix, value in zip(_DEVICE, (*_PHONES[platform], updated_at), strict=True):
        record[f"{platform}_{suffix}"] = value
    for key in _UTM:
        record[key] = f"{key[4:]}-{n % 9}"
    record["referrer"] = f"https://search.example.com/?q=caf%C3%A9&page={n % 9}"
    record["enabled_push_messaging"] = n % 4 == 0
    record["sms_consent"] = n % 4 == 0
    record["unsubscribed_from_sms"] = n % 4 == 2
    record["formatted_phone"] = "+1 212-555-0100"


def _place(row: tuple[Any, ...]) -> Record:
    country, region, city, country_code, continent_code = row
    return {
        "type": "location",
        "country": country,
        "region": region,
        "city": city,
        "country_code": country_code,
        "continent_code": continent_code,
    }


_UNSOCIAL: Record = {"type": "list", "data": []}
_SOCIAL: Record = {
    "type": "list",
    "data": [
        {"type": "social_profile", "name": "Twitter", "url": "http://twitter.example.com/th1sland"}
    ],
}
