# shellcheck shell=bash
# To be sourced, from bash or zsh:  source env.sh
#
# Activates .venv and says which module holds the assets. Unlike `dagster dev`, the command
# `dagster asset materialize` reads neither pyproject.toml nor workspace.yaml, and takes this variable
# from the shell only, not from .env. With it
#
#     dagster asset materialize --select contacts
#
# works as it stands; without it the command needs -m intercom_assets.

# The file that is being sourced. zsh has its own word for it, which bash could not parse.
if [ -n "${ZSH_VERSION:-}" ]; then
    eval '_intercom_env=${(%):-%x}'
else
    _intercom_env=${BASH_SOURCE[0]:-$0}
fi
_intercom_env=$(CDPATH='' cd -- "$(dirname -- "$_intercom_env")" >/dev/null && pwd)

if [ -f "$_intercom_env/.venv/bin/activate" ]; then
    . "$_intercom_env/.venv/bin/activate"
    export DAGSTER_MODULE_NAME=intercom_assets
    unset _intercom_env
else
    echo "env.sh: there is no $_intercom_env/.venv yet; run 'make setup' there first" >&2
    unset _intercom_env
    # Outside a sourced file `return` is an error, and exiting is right.
    return 1 2>/dev/null || exit 1
fi
