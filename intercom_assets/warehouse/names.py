"""SQL identifiers, and the columns that fields of records land in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from weakref import WeakKeyDictionary

from duckdb import DuckDBPyConnection

SYNCED_AT = "_synced_at"
# Since when a row is gone at the source; null: it is there.
DELETED_AT = "_deleted_at"
# The record that a row's own was merged into.
MERGED_INTO = "_merged_into"
# What did not fit its column, by field; only tables that hold such values have it.
UNPARSED = "_unparsed"
# From when and until when a version of a row holds, in the table of such.
VALID_FROM, VALID_TO = "_valid_from", "_valid_to"
# Columns of ours that exist only while a load is under way.
ORDINAL, ROW, COPY = "_ordinal", "_row", "_copy"
# With the one that DuckDB gives every table.
RESERVED = frozenset(
    {
        SYNCED_AT,
        DELETED_AT,
        MERGED_INTO,
        UNPARSED,
        VALID_FROM,
        VALID_TO,
        ORDINAL,
        ROW,
        COPY,
        "rowid",
    }
)


# Of each connection, which keeps it: it is asked for hundreds of times a run.
_databases: WeakKeyDictionary[DuckDBPyConnection, str] = WeakKeyDictionary()


def quote(name: str) -> str:
    """A name as a SQL identifier, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def path(connection: DuckDBPyConnection, *names: str) -> str:
    """A schema, or a table in one, with the database in front.

    Without it DuckDB takes ``intercom.contacts`` in a file ``intercom.duckdb`` for ambiguous,
    because the database has the schema's name.
    """
    if (database := _databases.get(connection)) is None:
        # To the end: DuckDB 2.0 lets nothing be registered beside a result.
        [(database,)] = connection.execute("select current_database()").fetchall()
        _databases[connection] = database
    return ".".join(quote(name) for name in (database, *names))


def comma(names: Iterable[str], form: str = "{}") -> str:
    """Quoted names, each put into a form, separated by commas."""
    return ", ".join(form.format(quote(name)) for name in names)


def one_key(names: Iterable[str], form: str = "{}") -> str:
    """A key of one or several columns as one text, as SQL."""
    return f"concat_ws(chr(31), {comma(names, form + '::varchar')})"


def columns_for(
    fields: Iterable[str], columns: Iterable[str], renamed: Mapping[str, str]
) -> dict[str, str]:
    """The column of each field.

    DuckDB tells names apart without regard to case, Intercom's custom attributes do not: a second
    spelling of a name gets a number, and so does a name that DuckDB cannot have or that is ours.

    Args:
        fields: Names of fields as Intercom sends them.
        columns: Columns that the table has.
        renamed: Columns by field, where an earlier load gave a field another name.
    """
    taken = {name.casefold() for name in columns} | RESERVED
    spelt = set(columns) - RESERVED - set(renamed.values())
    found: dict[str, str] = {}
    for field in fields:
        if field in renamed:
            found[field] = renamed[field]
        elif field in spelt:
            found[field] = field
        else:
            found[field] = _free_name(field, taken)
            taken.add(found[field].casefold())
    return found


def types_of_fields(columns: Mapping[str, str], renamed: Mapping[str, str]) -> dict[str, str]:
    """The type of each field's column.

    Args:
        columns: Types of the table's columns, by column.
        renamed: Columns by field, where an earlier load gave a field another name.
    """
    taken = RESERVED | set(renamed.values())
    own = {name: kind for name, kind in columns.items() if name not in taken}
    return own | {field: columns[name] for field, name in renamed.items() if name in columns}


def _free_name(field: str, taken: set[str]) -> str:
    name = field.replace("\0", "\ufffd")
    if name and name.casefold() not in taken:
        return name
    number = 2
    while f"{name}__{number}".casefold() in taken:
        number += 1
    # The first spelling keeps its case: `Name` beside `name` becomes `name__2`.
    return f"{name.lower()}__{number}"
