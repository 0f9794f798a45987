# shellcheck shell=bash
# To be sourced, from bash or zsh:  source env.sh
#
# Activates .venv, and tells Dagster's command line two things that it does not find by itself:
#
# - DAGSTER_HOME: the instance is this directory's, by its dagster.yaml, so that commands in a terminal,
#   schedules, sensors and the UI share one history. One that is set already is kept.
# - Where the code is, for the few commands that read neither pyproject.toml nor workspace.yaml, such as
#   `dagster asset materialize --select contacts`. By each command's own variable: what
#   DAGSTER_MODULE_NAME says reaches every command, and `dagster dev` then waits for ever for servers
#   of its own that refuse it beside their workspace.

# The file that is being sourced. zsh has its own word for it, which bash could not parse.
if [ -n "${ZSH_VERSION:-}" ]; then
    eval '_intercom_env=${(%):-%x}'
else
    _intercom_env=${BASH_SOURCE[0]:-$0}
fi
_intercom_env=$(CDPATH='' cd -- "$(dirname -- "$_intercom_env")" >/dev/null && pwd)

if [ -f "$_intercom_env/.venv/bin/activate" ]; then
    . "$_intercom_env/.venv/bin/activate"
    export DAGSTER_HOME="${DAGSTER_HOME:-$_intercom_env}"
    for _intercom_command in ASSET_MATERIALIZE ASSET_LIST JOB_EXECUTE JOB_SCAFFOLD_CONFIG; do
        export "DAGSTER_CLI_${_intercom_command}_MODULE_NAME=intercom_assets.definitions"
    done
    unset _intercom_command
    unset _intercom_env
else
    echo "env.sh: there is no $_intercom_env/.venv yet; run 'make setup' there first" >&2
    unset _intercom_env
    # Outside a sourced file `return` is an error, and exiting is right.
    return 1 2>/dev/null || exit 1
fi
