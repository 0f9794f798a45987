"""Data attributes of contacts and companies, and the values of the custom ones."""

from __future__ import annotations

from typing import Any

from intercom_assets.sandbox.directory import admin_id
from intercom_assets.sandbox.plan import DAY, Plan, Record

BIGGER_THAN_A_DOUBLE = 2**53 + 1

# name, full_name, label, data_type
_CONTACT_BUILT_INS = (
    ("name", "name", "Name", "string"),
    ("email", "email", "Email", "string"),
    ("id", "id", "ID", "string"),
    ("external_id", "external_id", "User ID", "string"),
    ("created_at", "created_at", "Created", "date"),
    ("updated_at", "updated_at", "Updated", "date"),
    ("unsubscribed_from_emails", "unsubscribed_from_emails", "Unsubscribed", "boolean"),
    ("country", "location.country", "Country", "string"),
    ("city", "location.city", "City", "string"),
)
_COMPANY_BUILT_INS = (
    ("name", "name", "Company name", "string"),
    ("name", "plan.name", "Plan", "string"),
    ("id", "id", "ID", "string"),
    ("company_id", "company_id", "Company ID", "string"),
    ("monthly_spend", "monthly_spend", "Monthly spend", "float"),
    ("size", "size", "Size", "integer"),
    ("user_count", "user_count", "People", "integer"),
    ("last_request_at", "last_request_at", "Last seen", "date"),
)
# name, data_type, options
_CUSTOM: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("plan_tier", "string", ("free", "pro", "entreprise 🏢")),
    ("score", "float", ()),
    ("Favourite colour", "string", ("red", "grün", "青")),
    ("price.eur", "float", ()),
    ('the "best" one', "boolean", ()),
    ("it's", "string", ()),
    ("🚀 launched", "date", ()),
    ("account_number", "integer", ()),
    ("born_at", "date", ()),
    ("name", "string", ()),
    ("Order", "string", ()),
    ("retired field", "string", ()),
)
# One name, many types: each record has one of these under "score".
_SCORES: tuple[Any, ...] = (
    "seven",
    7,
    7.5,
    True,
    ["7", "seven"],
    1_700_000_000,
    "2023-11-14T22:13:20Z",
    {"type": "order.list", "instances": [{"id": "21", "external_id": "ord-21", "total": 7.5}]},
    None,
    "1e5",
    1_700_000_000_123,
    {},
)
VARIANTS = 64


def custom_values(n: int) -> Record:
    """The custom attributes of the nth variant; the first of all has none."""
    if n % VARIANTS == 0:
        return {}
    values: Record = {
        "plan_tier": ("free", "pro", "entreprise 🏢")[n % 3],
        "score": _SCORES[n % len(_SCORES)],
        "Favourite colour": ("red", "grün", "青", "", None)[n % 5],
        "price.eur": n * 1.1,
        'the "best" one': n % 2 == 0,
    }
    if n % 3 == 0:
        values["it's"] = "complicated; really"
        values["🚀 launched"] = 1_600_000_000 + n * DAY
    if n % 4 == 1:
        values["born_at"] = -n * 100 * DAY  # before 1970
        values["name"] = "a custom attribute named as a field is"
    if n % 8 == 5:
        values["Order"] = {"type": "order.list", "instances": _orders(n)}
    if n % 7 == 2:
        values["account_number"] = BIGGER_THAN_A_DOUBLE + n
    return values


def _orders(n: int) -> list[Record]:
    return [{"id": str(n * 10 + k), "external_id": f"ord-{n}-{k}"} for k in range(n % 3 + 1)]


def contact_attributes(plan: Plan) -> list[Record]:
    return _attributes(plan, "contact", _CONTACT_BUILT_INS, first_id=12_878)


def company_attributes(plan: Plan) -> list[Record]:
    return _attributes(plan, "company", _COMPANY_BUILT_INS, first_id=22_878)


def _attributes(
    plan: Plan, model: str, built_ins: tuple[tuple[str, str, str, str], ...], first_id: int
) -> list[Record]:
    found = [_built_in(model, *row) for row in built_ins]
    found += [custom_attribute(plan, model, first_id + n, n) for n in range(len(_CUSTOM))]
    return found


def _built_in(model: str, name: str, full_name: str, label: str, data_type: str) -> Record:
    """A built-in has no id, no times and no creator."""
    return {
        "type": "data_attribute",
        "name": name,
        "full_name": full_name,
        "label": label,
        "description": f"The {label.lower()} of a {model}",
        "data_type": data_type,
        "api_writable": name in ("name", "email", "size"),
        "ui_writable": False,
        "messenger_writable": True,
        "custom": False,
        "archived": False,
        "model": model,
    }


def custom_attribute(plan: Plan, model: str, ident: int, n: int, at: int | None = None) -> Record:
    """A custom attribute: the nth of the sandbox's own, or beyond them a numbered one."""
    known = n < len(_CUSTOM)
    name, data_type, options = _CUSTOM[n] if known else (f"attribute {n + 1}", "string", ())
    created_at = max(plan.anchor - plan.span // (n + 1), plan.start) if at is None else at
    record: Record = {
        "id": ident,
        "type": "data_attribute",
        "name": name,
        "full_name": f"custom_attributes.{name}",
        "label": name.capitalize(),
        "description": f"What {name} means for a {model}",
        "data_type": data_type,
        "api_writable": True,
        "ui_writable": True,
        "messenger_writable": n % 2 == 0,
        "custom": True,
        "archived": name == "retired field",
        "admin_id": admin_id(plan, 0),
        "created_at": created_at,
        "updated_at": plan.anchor - (plan.anchor - created_at) // 2 if at is None else at,
        "model": model,
    }
    if options:
        record["options"] = list(options)
    return record


def position(records: list[Record], id: str) -> int:
    """The place of an attribute, by its id or, as built-ins have none, its full name.

    Raises:
        KeyError: There is none.
    """
    for place, record in enumerate(records):
        if id in (str(record.get("id")), record["full_name"]):
            return place
    raise KeyError(id)


def put(records: list[Record], id: str, record: Record) -> None:
    """Replaces an attribute, or adds it."""
    try:
        records[position(records, id)] = record
    except KeyError:
        records.append(record)
