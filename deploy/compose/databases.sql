-- Made when Postgres starts for the first time: Dagster's storage, and the lake's catalogue.
create database dagster;
create database lake;
