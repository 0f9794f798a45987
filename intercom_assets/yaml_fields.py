"""A resource as a part of a component's YAML: every field, by the resource's own definition."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import dagster as dg
from pydantic import BaseModel, Field, WithJsonSchema, create_model
from pydantic.fields import FieldInfo

# A template that is one environment variable, without a default.
_VARIABLE = re.compile(r"""\{\{\s*env(?:\.(\w+)|\(\s*['"](\w+)['"]\s*\))\s*\}\}""")


@dataclass(frozen=True)
class YamlFields:
    """The fields of a resource, each of which may be left out or be a template.

    Attributes:
        resource: The resource's class.
        without: Fields that are given elsewhere.
        looks_up: Whether the resource looks up a variable that its fields name as ``${NAME}``.
    """

    resource: type[BaseModel]
    without: AbstractSet[str] = frozenset()
    looks_up: bool = False

    @property
    def type(self) -> Any:
        """Their type in YAML."""
        fields: dict[str, Any] = {
            name: (_or_template(field.annotation), Field(None, description=field.description))
            for name, field in self._fields.items()
        }
        model = create_model(f"{self.resource.__name__}Fields", __base__=dg.Model, **fields)
        # Only `dg check yaml` goes by the model. Where Dagster itself does, an error about a
        # misspelt name quotes what stands beside it, which may be a token.
        return Annotated[dict[str, Any], WithJsonSchema(model.model_json_schema())]

    def given(self, context: dg.ResolutionContext, given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that the YAML gives, by name.

        Raises:
            ValueError: For a name that no field has, or a variable that is not set and that cannot
                be looked up in the run.
        """
        if unknown := sorted(set(given) - set(self._fields)):
            raise ValueError(f"no such field: {unknown}; there are {', '.join(self._fields)}")
        return {
            name: _value(context.at_path(name), value, self._fields[name].annotation, self.looks_up)
            for name, value in given.items()
        }

    @property
    def _fields(self) -> dict[str, FieldInfo]:
        fields = self.resource.model_fields
        return {name: field for name, field in fields.items() if name not in self.without}


def text(context: dg.ResolutionContext, value: Any) -> Any:
    """A text of a warehouse from YAML; the run looks up the environment variables in it."""
    return _value(context, value, str, looks_up=True)


def options(context: dg.ResolutionContext, value: Any) -> Any:
    """Options of a warehouse from YAML; the run looks up the environment variables in them."""
    return context.resolve_value(_named(value))


def _named(value: Any) -> Any:
    """A value from YAML, the environment variables in its texts as ``${NAME}``."""
    if isinstance(value, Mapping):
        return {name: _named(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_named, value))
    return _VARIABLE.sub(r"${\1\2}", value) if isinstance(value, str) else value


def _value(
    context: dg.ResolutionContext, value: Any, annotation: Any, looks_up: bool = False
) -> Any:
    # What the run looks up, and is not set, is an error of the run; what is looked up here would
    # take the whole code location along.
    kinds = get_args(annotation) or (annotation,)
    variable = _VARIABLE.fullmatch(value.strip()) if isinstance(value, str) else None
    name = variable and (variable[1] or variable[2])
    if name and str in kinds:
        return dg.EnvVar(name)
    if name and int in kinds:
        return dg.EnvVar.int(name)
    # What the location looks up stands in its definitions, for all to read.
    found = options(context, value) if looks_up else context.resolve_value(value)
    if name and found is None:
        raise ValueError(f"the environment variable {name} is not set")
    if str in kinds and isinstance(value, str) and found is not None:
        # Templates make a number of a text that looks like one, such as a version.
        return str(found) if "{{" in value else value
    return found


def _or_template(annotation: Any) -> Any:
    return annotation | str | None
