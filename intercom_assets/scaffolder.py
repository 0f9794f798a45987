"""What ``dg scaffold defs`` writes."""

from typing import Any

import yaml
from dagster.components.component_scaffolding import ComponentDumper, scaffold_component
from dagster.components.scaffold.scaffold import Scaffolder, ScaffoldRequest

_ATTRIBUTES = {
    "intercom": {"access_token": "{{ env.INTERCOM_ACCESS_TOKEN }}", "region": "us"},
    "database": "warehouse.duckdb",
    "streams": ["contacts", "conversations", "conversation_parts"],
}
# `dg check yaml --validate-requirements` and Dagster+ tell from it what has to be set.
_REQUIREMENTS = {"requirements": {"env": ["INTERCOM_ACCESS_TOKEN"]}}


class IntercomScaffolder(Scaffolder[Any]):
    """Writes a ``defs.yaml`` that works once INTERCOM_ACCESS_TOKEN is set."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Writes it; in Python, a component that takes everything from the environment."""
        if request.scaffold_format == "python":
            file = request.target_path / "component.py"
            file.write_text(_in_python(*request.type_name.rsplit(".", 1)), encoding="utf-8")
            return
        scaffold_component(request, _ATTRIBUTES)
        # What is appended to is a file, and what is begun is a directory.
        target = request.target_path
        file = target / "defs.yaml" if target.is_dir() else target
        with file.open("a", encoding="utf-8") as text:
            text.write("\n")
            yaml.dump(_REQUIREMENTS, text, Dumper=ComponentDumper)


def _in_python(module: str, component: str) -> str:
    return f"""import dagster as dg
from {module} import {component}


@dg.component_instance
def load(context: dg.ComponentLoadContext) -> {component}:
    return {component}(streams=["contacts", "conversations", "conversation_parts"])
"""
