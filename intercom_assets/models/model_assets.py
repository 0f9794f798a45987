"""Models as assets, their tests as asset checks."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import dagster as dg
from duckdb import DuckDBPyConnection
from pydantic import Field

from intercom_assets.models.assets import key_of
from intercom_assets.models.building import MODELS_SCHEMA, OPTIONAL, Builder, Built
from intercom_assets.models.package import Model, Rendered, Test, models, models_over
from intercom_assets.models.relations import relations_over
from intercom_assets.models.there import tables_in
from intercom_assets.observability import metadata
from intercom_assets.observability.metadata import IntercomMetadataSet

MODELS = "models"
R = TypeVar("R")


@runtime_checkable
class BuildsModels(Protocol):
    """Whatever lets models be built where the tables are."""

    schema_name: str

    def build_model(
        self,
        model: str,
        run_id: str,
        say: Callable[[str], None],
        work: Callable[[DuckDBPyConnection], R],
    ) -> R:
        """What some work gives, done in a transaction, while nobody else builds the model.

        It is done again if others came in its way.
        """


class ModelConfig(dg.Config):
    """Run config of a model."""

    full_refresh: bool = Field(
        default=False, description="Make all rows anew, where only those that changed would be."
    )


def build_intercom_models(
    tables: Mapping[str, dg.AssetKey],
    *,
    key_prefix: Sequence[str] = (),
    schema: str | None = None,
    models_schema: str = MODELS_SCHEMA,
    time_zone: str | None = None,
    io_manager_key: str = "intercom_io_manager",
    group_name: str = MODELS,
) -> list[dg.AssetsDefinition]:
    """The models that can be made of these tables and of the relations over them.

    Args:
        tables: The assets of the tables, by the tables' names.
        key_prefix: What the models' keys begin with.
        schema: Schema of the tables; by default the IO manager's.
        models_schema: Schema of the models.
        time_zone: In which days begin, such as ``Europe/Berlin``; by default the workspace's.
        io_manager_key: The IO manager that stores the tables.
        group_name: The assets' group.
    """
    found = {relation.name: relation for relation in relations_over(tables)}
    origins = {name: [key] for name, key in tables.items()}
    for name, relation in found.items():
        # A relation is made within the step of its table, for which a model has to wait.
        origins[name] = [key_of(relation, tables), *(tables[t] for t in relation.needs)]
    factory = _Factory(
        origins, list(key_prefix), schema, models_schema, time_zone, io_manager_key, group_name
    )
    possible = models_over(origins)
    return [factory.asset_of(models()[name], rendered) for name, rendered in possible.items()]


@dataclass(frozen=True)
class _Factory:
    origins: Mapping[str, Sequence[dg.AssetKey]]
    prefix: Sequence[str]
    schema: str | None
    models_schema: str
    time_zone: str | None
    io_manager_key: str
    group_name: str

    def asset_of(self, model: Model, rendered: Rendered) -> dg.AssetsDefinition:
        key = self._key(model.name)
        columns = [
            dg.TableColumn(column.name, column.kind, column.description) for column in model.columns
        ]

        @dg.asset(
            key=key,
            deps=self._deps(rendered),
            group_name=self.group_name,
            kinds={"duckdb", "sql"},
            description=model.description,
            metadata={
                metadata.COLUMN_SCHEMA: dg.TableSchema(columns=columns),
                metadata.COLUMN_LINEAGE: self._lineage(model),
                metadata.TABLE_NAME: f"{self.models_schema}.{model.name}",
            },
            automation_condition=dg.AutomationCondition.eager(),
            check_specs=[
                dg.AssetCheckSpec(test.name, asset=key, description=test.description)
                for test in model.tests
            ],
            required_resource_keys={self.io_manager_key},
        )
        def intercom_model(context: dg.AssetExecutionContext, config: ModelConfig) -> Iterator[Any]:
            yield from self._build(context, model, rendered, key, config)

        return intercom_model

    def _key(self, model: str) -> dg.AssetKey:
        return dg.AssetKey([*self.prefix, model])

    def _lineage(self, model: Model) -> dg.TableColumnLineage:
        return dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(
                        self._key(table) if table in models() else self.origins[table][0], of
                    )
                    for table, of in found
                    # What is read only where it is there may not be.
                    if table in models() or table in self.origins
                ]
                for column, found in model.lineage.items()
            }
        )

    def _deps(self, rendered: Rendered) -> list[dg.AssetKey]:
        read = [key for table in rendered.sources for key in self.origins[table]]
        return list(dict.fromkeys([*read, *map(self._key, rendered.refs)]))

    def _build(
        self,
        context: dg.AssetExecutionContext,
        model: Model,
        rendered: Rendered,
        key: dg.AssetKey,
        config: ModelConfig,
    ) -> Iterator[Any]:
        store = getattr(context.resources, self.io_manager_key)
        if not isinstance(store, BuildsModels):
            raise dg.Failure(
                f"{model.name} is built by IntercomDuckDBIOManager, which {self.io_manager_key} is "
                "not: build the package with dbt, or build the definitions with models=False",
                allow_retries=False,
            )
        wanted = context.selected_asset_check_keys
        tests = [test for test in model.tests if dg.AssetCheckKey(key, test.name) in wanted]
        what = f"{self.models_schema}.{model.name}"

        def work(connection: DuckDBPyConnection) -> tuple[Built, dict[Test, int], float]:
            began = time.monotonic()
            schema = self.schema or store.schema_name
            there = _there(connection, schema, self.origins)
            if lacking := sorted(set(rendered.sources) - set(there) - OPTIONAL):
                raise dg.Failure(
                    f"{model.name} reads {', '.join(lacking)}, which {schema} does not have yet: "
                    "materialize that first",
                    allow_retries=False,
                )
            builder = Builder(
                connection,
                there,
                schema,
                self.models_schema,
                self.time_zone,
            )
            built = builder.build(model.name, config.full_refresh)
            failures = {test: builder.failures(model.name, test) for test in tests}
            return built, failures, round(time.monotonic() - began, 3)

        built, failures, seconds = store.build_model(
            what, context.run.run_id, context.log.warning, work
        )
        yield dg.MaterializeResult(
            metadata={
                metadata.ROW_COUNT: built.rows,
                **IntercomMetadataSet(
                    seconds=seconds,
                    built="all rows" if built.is_whole else "what changed",
                    rows_gone=built.left_out,
                ),
            },
            check_results=[
                dg.AssetCheckResult(
                    passed=not count,
                    check_name=test.name,
                    severity=dg.AssetCheckSeverity.WARN
                    if test.is_warning
                    else dg.AssetCheckSeverity.ERROR,
                    metadata={"rows": count},
                )
                for test, count in failures.items()
            ],
        )


def _there(connection: DuckDBPyConnection, schema: str, wanted: Iterable[str]) -> list[str]:
    """Those of the wanted tables that are there: a stream may have told that it cannot be read."""
    found = tables_in(connection, schema)
    return [name for name in wanted if name in found]
