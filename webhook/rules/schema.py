"""What the documents of all rules have in common: model, readable errors, JSON Schema.

A document is checked by a pydantic model (unknown fields are errors, nothing is converted). What
no model can say, each rule checks itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from webhook.documents import Item
from webhook.model import NOTHING, ConfigError
from webhook.objects.paths import Path

Phase = Literal["off", "audit", "warn", "enforce"]


class Model(BaseModel):
    """Base of all parts of a document: camelCase, no unknown fields, no conversions, frozen."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
    )


class Metadata(Model):
    """The metadata that a document may have."""

    name: str
    """Unique among the documents of this kind."""
    labels: dict[str, str] = Field(default={})
    annotations: dict[str, str] = Field(default={})


AnyModel = TypeVar("AnyModel", bound=BaseModel)


def parse_model(
    item: Item, model: type[AnyModel]
) -> tuple[AnyModel | None, tuple[ConfigError, ...]]:
    """Return the document as its model, or None and all errors."""
    try:
        return model.model_validate_json(item.text), ()
    except ValidationError as error:
        return None, model_errors(item, model, error)


def model_errors(
    item: Item, model: type[BaseModel], error: ValidationError
) -> tuple[ConfigError, ...]:
    """Return the errors of a model with path, line and what is allowed."""
    return tuple(
        item.error(tuple(one["loc"]), _message(model, one))
        for one in error.errors(include_url=False, include_context=True)
    )


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a document's model."""
    schema = model.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def file_name(kind: str) -> str:
    """Return how the files of a kind are called: page, schema and starter; `env-injection`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower()


def _message(model: type[BaseModel], error: ErrorDetails) -> str:
    found = error["input"]
    if error["type"] == "extra_forbidden":
        return _unknown_field(model, tuple(error["loc"]))
    if error["type"] == "missing":
        return "is required"
    if error["type"] == "literal_error":
        allowed = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
        return f"must be one of {allowed}; found {_found(found)}"
    if error["type"] in _EXPECTED:
        return f"must be {_EXPECTED[error['type']]}; found {_type_name(found)}"
    return error["msg"].removeprefix("Value error, ")


_EXPECTED: Mapping[str, str] = {
    "string_type": "a text (numbers and true or false need quotes)",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
}


def _found(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else _type_name(value)


def _type_name(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {bool: "true or false", str: "a text", dict: "a map", list: "a list"}
    return names.get(type(value), "a number")


def _unknown_field(model: type[BaseModel], path: Path) -> str:
    known = _fields(schema_of(model), path[:-1])
    close = get_close_matches(str(path[-1]), known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"unknown field; {hint}allowed: {', '.join(known)}"


def _fields(schema: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Return the names of the fields that the schema knows at a path."""
    node: Mapping[str, Any] = schema
    for step in path:
        if isinstance(step, int):
            node = node.get("items", NOTHING)
        else:
            further = node.get("additionalProperties", NOTHING)
            node = node.get("properties", NOTHING).get(step, further)
        node = _resolved(schema, node)
    return tuple(sorted(node.get("properties", NOTHING)))


def _resolved(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and the one real alternative of an optional field."""
    real = [one for one in node.get("anyOf", ()) if one.get("type") != "null"]
    chosen = real[0] if real else node
    name = str(chosen.get("$ref", "")).rpartition("/")[2]
    return schema["$defs"][name] if name else chosen
