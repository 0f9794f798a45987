"""A code location whose tables are in a DuckLake over Postgres and object storage.

Everything that differs from one location to the next is a variable: WORKSPACE is the prefix of
keys, schemas and jobs. Without S3_ENDPOINT the storage is Amazon's.
"""

import os

import dagster as dg

from intercom_assets import WarehouseResource, build_intercom_definitions, steps_executor

SECRET = (
    "create or replace secret storage (type s3, key_id ${AWS_ACCESS_KEY_ID}, "
    "secret ${AWS_SECRET_ACCESS_KEY}, region ${AWS_REGION}"
)
if os.environ.get("S3_ENDPOINT"):
    SECRET += ", endpoint ${S3_ENDPOINT}, url_style 'path', use_ssl ${S3_USE_SSL}"

defs = dg.Definitions.merge(
    build_intercom_definitions(
        warehouse=WarehouseResource.of_environment(init_sql=[f"{SECRET})"]),
        key_prefix=os.environ.get("WORKSPACE", ""),
    ),
    dg.Definitions(executor=steps_executor()),
)
