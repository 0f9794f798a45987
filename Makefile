# Needs Python 3.10 to 3.13 and make; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is run, and what developers need besides: each is installed once something needs it.
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
EXTRAS := webserver,dg,charts,demo
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --quiet
DEMO := intercom_assets.demo

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-ui lint types test test-long test-duckdb test-lake test-all bench format clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make .venv (PYTHON=... chooses the Python) and install what is run
	@:

demo: setup ## Load a make-believe Intercom workspace, no account needed
	$(BIN)/python -m $(DEMO)

demo-ui: setup ## The same, then Dagster's UI with a sandbox that stays
	$(BIN)/python -m $(DEMO) --ui

lint: $(DEV_STAMP) ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV_STAMP) ## Check types
	$(BIN)/mypy

# Three workers keep two cores busy: a test waits for sockets and the disk a fifth of its time.
PYTEST := $(BIN)/python -m pytest -n 3 --dist worksteal

test: $(DEV_STAMP) lint types ## Check everything but what takes long, in less than five minutes on two cores
	$(PYTEST) -m "not slow and not long"

test-long: $(DEV_STAMP) ## Check what `make test` leaves out because each test takes some seconds
	$(PYTEST) -m "long and not slow"

# A folder that goes before the environment's own DuckDB.
OTHER_DUCKDB := 1.5.5
$(VENV)/duckdb-$(OTHER_DUCKDB): $(DEV_STAMP)
	$(INSTALL) --no-deps --target $@ duckdb==$(OTHER_DUCKDB)
	@touch $@

# Three minutes: one file at least for each thing that SQL is written for.
DUCKDB_TESTS := history leases misfits models nested relations rules_guards rules_records rules_state \
  shared_process torn
test-duckdb: $(VENV)/duckdb-$(OTHER_DUCKDB) ## Check what touches the warehouse with the DuckDB that MotherDuck has
	PYTHONPATH=$(CURDIR)/$< $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" \
	  $(DUCKDB_TESTS:%=intercom_assets_tests/test_%.py)

# DuckDB's extensions are on PyPI for some of its releases, which the packages ask for exactly.
LAKE := $(VENV)/lake-$(OTHER_DUCKDB)
$(LAKE): $(DEV_STAMP)
	$(INSTALL) --target $@ duckdb==$(OTHER_DUCKDB) 'moto[server,s3]' 'graphql-core<3.3' $(addsuffix ==$(OTHER_DUCKDB), \
	  duckdb-extension-ducklake duckdb-extension-postgres-scanner duckdb-extension-httpfs)
	@touch $@

# An hour and more in all; LAKE_TESTS names some of them.
LAKE_TESTS := conflicts lake layout leases nested rules_guards rules_records rules_state rules_streams \
  stateful lost_commits warehouse_secrets warehouse_settings relations model_changes history deletions sweeps erasure torn interruptions
test-lake: $(LAKE) ## Check what touches the warehouse on a DuckLake; takes Debian's postgresql
	PYTHONPATH=$(CURDIR)/$< $(BIN)/python -m pytest -n 2 --dist worksteal -k "lake or test_lake" \
	  $(LAKE_TESTS:%=intercom_assets_tests/test_%.py)

test-all: $(DEV_STAMP) lint types ## Check everything
	$(BIN)/python -m pytest -n 2 --dist worksteal

bench: $(DEV_STAMP) ## Measure what docs/performance.md claims, at full size: about 45 minutes
	$(BIN)/python -m benchmarks $(BENCH)

format: $(DEV_STAMP) ## Put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove .venv and what tools left; databases and .dagster stay
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find intercom_assets intercom_assets_tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Only pyproject.toml says what to install, so only its changes install anew.
$(STAMP): pyproject.toml | $(BIN)/python
	$(INSTALL) -e '.[$(EXTRAS)]'
	@touch $@

$(DEV_STAMP): pyproject.toml | $(BIN)/python
	$(INSTALL) -e '.[dev]'
	@touch $@

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "There is no $(PYTHON). Install Python 3.10 to 3.13, or name the one you have:"; \
	  echo "  make setup PYTHON=/path/to/python3.12"; exit 1; } >&2
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" -V 2>&1), and this needs Python 3.10 to 3.13. Name another:"; \
	  echo "  make setup PYTHON=/path/to/python3.12"; \
	  echo "To get one: your system's packages, https://www.python.org/downloads/, pyenv or uv."; \
	  exit 1; } >&2
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$(PYTHON) could not make $(VENV). On Debian and Ubuntu: apt install python3-venv"; \
	  exit 1; } >&2
# The pip of an old Python cannot install what is editable.
	$(INSTALL) --upgrade pip
