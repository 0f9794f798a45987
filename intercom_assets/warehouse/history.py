"""Each version that a run has seen of a row, in a table beside the rows: what was it on that day?

A version holds from its record's `updated_at` until the next one's, or until the row was gone. Two
versions with one `updated_at` differ in what Intercom does not count as a change: the second one
holds from when it was seen. `_synced_at` is when a version was seen first.
"""

from __future__ import annotations

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.names import (
    DELETED_AT,
    MERGED_INTO,
    ORDINAL,
    ROW,
    SYNCED_AT,
    UNPARSED,
    VALID_FROM,
    VALID_TO,
    comma,
    path,
    quote,
)
from intercom_assets.warehouse.rebuild import rebuild
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.statements import agrees, exists, moment, one
from intercom_assets.warehouse.versions import history_of
from intercom_assets.warehouse.widening import Recast, cast_of, common_type, with_unparsed

# What says something of a row's being there rather than of its content.
_STATES = {SYNCED_AT, DELETED_AT, MERGED_INTO}
_SPAN = {VALID_FROM: "From when on it was so", VALID_TO: "Until when, excluded; null: it is so"}
UPDATED_AT = "updated_at"


class History:
    """The versions of a table's rows.

    Args:
        connection: An open connection, in a transaction.
        schema: The table's schema.
        name: The table.
        spec: What belongs in it.
        renamed: Its columns of fields whose own name was taken, by field.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        schema: str,
        name: str,
        spec: TableSpec,
        renamed: Mapping[str, str],
    ) -> None:
        self._run = connection.execute
        self._connection = connection
        self._schema = schema
        self._name = history_of(name)
        self._spec = spec
        self._fields = {column: field for field, column in renamed.items()}
        self._rows = path(connection, schema, name)
        self._table = path(connection, schema, self._name)

    def start(self) -> None:
        """Makes the table, and takes in what has landed while nobody kept versions."""
        if not exists(self._connection, self._schema, self._name):
            self._run(f"create table {self._table} as from {self._rows} limit 0")
            for name, told in _SPAN.items():
                self._run(f"alter table {self._table} add column {quote(name)} timestamptz")
                self._run(f"comment on column {self._table}.{quote(name)} is '{told}'")
            self._take_all()
            return
        synced = quote(SYNCED_AT)
        self.take_rows(
            f"{synced} > coalesce((select max({synced}) from {self._table}), '-infinity')"
        )

    def take_rows(self, which: str) -> None:
        """Takes in the rows of a condition, as they are now."""
        if one(self._connection, f"select count(*) from {self._rows} where {which}"):
            self._take(f"(select *, rowid as {ORDINAL} from {self._rows} where {which})")

    def _take_all(self) -> None:
        """Takes in all rows, each of which is the only version that is known of it."""
        begins = f"coalesce({moment('t', UPDATED_AT)}, t.{quote(SYNCED_AT)})"
        gone = f"t.{quote(DELETED_AT)}"
        self._run(
            f"insert into {self._table} by name select *, {begins} as {quote(VALID_FROM)}, "
            f"case when {gone} is not null then greatest({begins}, {gone}) end "
            f"as {quote(VALID_TO)} from {self._rows} t"
        )

    def add(self) -> int:
        """Takes in what has just been merged from `_batch`, see `merge`; late, older versions too.

        Returns:
            How many versions are new.
        """
        # That is what the row is already.
        known = "select ordinal from _matched where keep and open"
        which = "true"
        if not self._spec.version:
            which = f"{ORDINAL} in (select ordinal from _chosen)"
        news = f"select count(*) from _batch where {which} and {ORDINAL} not in ({known})"
        if not one(self._connection, news):
            return 0
        return self._take(
            f"(select *, now() as {quote(SYNCED_AT)} from _batch where {which})", known
        )

    def _take(self, source: str, known: str = "") -> int:
        """Takes in those of some rows that are versions not known yet.

        Args:
            source: The rows, in the columns of the table, with their order, as SQL.
            known: A query for the order of those that are no news.
        """
        columns = self._align(source)
        key, version = comma(self._spec.key), self._version("s")
        self._run(
            f"create or replace temp table _versions as select {comma(self._spec.key, 's.{}')}, "
            f"s.{ORDINAL} as ordinal, {version} as version from _version s "
            # Not by these names: records may have fields that are called so.
            f"qualify row_number() over (partition by {comma(self._spec.key, 's.{}')}, {version} "
            f"order by s.{ORDINAL} desc) = 1"
        )
        if known:
            self._run(f"delete from _versions where ordinal in ({known})")
        # The newest of those that have this one's time; content is looked at in these only.
        self._run(
            f"create or replace temp table _known as select t.rowid as {ROW}, v.ordinal "
            f"from {self._table} t join _versions v using ({key}) "
            f"where {self._version('t')} is not distinct from v.version "
            f"qualify row_number() over (partition by v.ordinal "
            f"order by t.{quote(SYNCED_AT)} desc, t.rowid desc) = 1"
        )
        content = columns.keys() - _STATES
        gone = quote(DELETED_AT)
        self._run(
            f"create or replace temp table _same as "
            f"with stored as materialized (select k.{ROW}, k.ordinal as {ORDINAL}, t.{gone}, "
            f"{comma(content, 't.{}')} from _known k join {self._table} t on t.rowid = k.{ROW}) "
            f"select t.{ROW}, s.{ORDINAL} as ordinal, t.{gone} is null and s.{gone} is not null as "
            f"ends from stored t join _version s using ({ORDINAL}) "
            # One that comes back after it was gone is a version of its own.
            f"where {agrees(columns, content)} and (t.{gone} is null or s.{gone} is not null)"
        )
        states = _STATES & columns.keys() - {SYNCED_AT}
        told = ", ".join(f"{quote(name)} = s.{quote(name)}" for name in states)
        self._run(
            f"update {self._table} t set {told} from _same e join _version s "
            f"on s.{ORDINAL} = e.ordinal where t.rowid = e.{ROW} and e.ends"
        )
        self._run(
            "delete from _versions where ordinal in (select ordinal from _same where not ends)"
        )
        new = "select ordinal from _versions where ordinal not in (select ordinal from _same)"
        count = one(self._connection, f"select count(*) from ({new})")
        self._run(
            f"insert into {self._table} by name select * exclude ({ORDINAL}) from _version "
            f"where {ORDINAL} in ({new}) order by {ORDINAL}"
        )
        self._arrange()
        return count

    def _arrange(self) -> None:
        """Says of the versions of rows in `_versions` from when until when they hold."""
        key, synced = comma(self._spec.key), quote(SYNCED_AT)
        order = f"{synced}, {ROW}"
        if self._spec.version:
            order = f"coalesce(changed, {synced}), {order}"
        of_row = f"partition by {key} order by {order}"
        self._run(f"""
            create or replace temp table _arranged as
            with versions as (
                select
                    {key}, rowid as {ROW}, {synced}, {quote(DELETED_AT)} as gone,
                    {moment("t", UPDATED_AT)} as changed
                from {self._table} t
                where ({key}) in (select ({key}) from _versions)
            ), earlier as (
                select *, max(changed) over (
                    {of_row} rows between unbounded preceding and 1 preceding
                ) as before
                from versions
            ), begun as (
                select *,
                    case when changed is null or changed <= before then {synced} else changed end
                    as began
                from earlier
            ), placed as (
                -- What was seen late must not hold beyond what came next.
                select *, min(began) over (
                    {of_row} rows between current row and unbounded following
                ) as begins
                from begun
            ), closed as (
                select *, least(lead(begins) over ({of_row}), gone) as ended
                from placed
            )
            select
                {ROW}, begins,
                case when ended is not null then greatest(begins, ended) end as ends
            from closed
        """)
        self._run(
            f"update {self._table} t set {quote(VALID_FROM)} = a.begins, "
            f"{quote(VALID_TO)} = a.ends from _arranged a where t.rowid = a.{ROW} and "
            f"(t.{quote(VALID_FROM)}, t.{quote(VALID_TO)}) is distinct from (a.begins, a.ends)"
        )

    def _align(self, source: str) -> Mapping[str, str]:
        """Gives the table the columns that the rows have, and makes rows `_version` in its types.

        Returns:
            The types of the rows' columns here, by name.
        """
        rows, own = self._columns(self._rows), self._columns(self._table)
        for name in rows.keys() - own.keys():
            self._run(f"alter table {self._table} add column {quote(name)} {rows[name]}")
        kinds = {name: common_type(kind, own.get(name, kind)) for name, kind in rows.items()}
        recasts = {
            name: Recast(kind, cast_of(name, own[name], kind))
            for name, kind in kinds.items()
            if name in own and own[name] != kind
        }
        if recasts:
            if UNPARSED in own:
                fields = [self._fields.get(name, name) for name in recasts]
                recasts = with_unparsed(recasts, fields)
            rebuild(self._connection, self._schema, self._name, recasts)
        casts = [
            f"{cast_of(name, rows[name], kind)} as {quote(name)}"
            for name, kind in kinds.items()
            if rows[name] != kind
        ]
        replaced = f" replace ({', '.join(casts)})" if casts else ""
        self._run(f"create or replace temp view _version as select *{replaced} from {source}")
        return kinds

    def _columns(self, table: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self._run(f"describe {table}").fetchall()}

    def _version(self, table: str) -> str:
        """What parts versions of a row, whatever they hold, as SQL."""
        version = self._spec.version
        return moment(table, version) if version else "null::timestamptz"
