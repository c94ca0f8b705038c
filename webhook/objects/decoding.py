"""What the API server's strict decoder refuses in an object of a built-in kind, in its words.

Go's type names follow from the names of the definitions, which is right but for named strings
and maps. Custom resources are not decoded into types and have nothing to refuse here.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webhook.objects.quantity import QuantityError, parse_quantity
from webhook.objects.schemas import (
    BOOLEAN,
    NUMERIC,
    QUANTITY,
    ListSchema,
    MapSchema,
    Schema,
)

_RANGES = {"int32": 2**31, "int64": 2**63}
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that the decoder refuses, or an unknown field.

    `path` has indexes for unknown fields only. `holder` is the Go struct with the field, `wanted`
    the Go type, `found` what there is; `text` says it all where a type decodes itself.
    """

    path: str
    is_unknown: bool = False
    holder: str = ""
    wanted: str = ""
    found: str = ""
    text: str = ""


def misfits(schema: Schema, value: Any, before: Any) -> Iterator[Misfit]:
    """Yield what is refused in a value, in the decoder's order.

    What is the same Python object in `before` is taken for good.
    """
    yield from _misfits(schema, value, before, _Place())


def strict_text(found: list[Misfit]) -> str:
    """Return the error of decoding JSON: the first wrong type, else all unknown fields."""
    wrong = next((one for one in found if not one.is_unknown), None)
    if wrong is None:
        unknown = ", ".join(f'unknown field "{one.path}"' for one in found)
        return f"strict decoding error: {unknown}"
    if wrong.text:
        return wrong.text
    field = f"Go struct field {wrong.holder}.{wrong.path}"
    return f"json: cannot unmarshal {wrong.found} into {field} of type {wrong.wanted}"


def conversion_text(wrong: Misfit) -> str:
    """Return the error of converting a merged object into its Go type."""
    if wrong.text:
        return wrong.text
    if wrong.wanted in _RANGES and wrong.found.startswith("number "):
        return f"cannot convert float64 to {wrong.wanted}"
    return f"json: cannot unmarshal {wrong.found} into Go value of type {wrong.wanted}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: the path with and without indexes, and the struct of the last field."""

    exact: str = ""
    plain: str = ""
    holder: str = ""

    def field(self, name: str, holder: str) -> _Place:
        dot = "." if self.plain else ""
        return _Place(f"{self.exact}{dot}{name}", f"{self.plain}{dot}{name}", holder)

    def element(self, index: int) -> _Place:
        return _Place(f"{self.exact}[{index}]", self.plain, self.holder)

    def key(self, name: str) -> _Place:
        return _Place(f"{self.exact}.{name}", self.plain, self.holder)

    def misfit(self, wanted: str, found: str) -> Misfit:
        return Misfit(self.plain, False, self.holder, wanted, found)


def _misfits(schema: Schema, value: Any, before: Any, place: _Place) -> Iterator[Misfit]:
    if value is None or value is before:
        return
    if schema.scalar:
        yield from _scalar_misfits(schema, value, place)
    elif schema.map is not None:
        if isinstance(value, dict):
            old = before if isinstance(before, dict) else {}
            yield from _map_misfits(schema, schema.map, value, old, place)
        else:
            yield place.misfit(_go_type(schema), _found(value, ""))
    elif schema.list is not None:
        yield from _list_misfits(schema, schema.list, value, before, place)


def _map_misfits(
    schema: Schema, mapping: MapSchema, value: dict[str, Any], old: dict[str, Any], place: _Place
) -> Iterator[Misfit]:
    for key in sorted(value):
        before = old.get(key, _ABSENT)
        field = mapping.fields.get(key)
        if field is not None:
            inner = place.field(key, _short(schema.name))
            yield from _misfits(field.type.resolve(), value[key], before, inner)
        elif mapping.element is not None:
            yield from _misfits(mapping.element.resolve(), value[key], before, place.key(key))
        elif value[key] is not before:
            yield Misfit(place.field(key, "").exact, is_unknown=True)


def _list_misfits(
    schema: Schema, lists: ListSchema, value: Any, before: Any, place: _Place
) -> Iterator[Misfit]:
    if not isinstance(value, list):
        yield place.misfit(_go_type(schema), _found(value, ""))
        return
    element = lists.element.resolve()
    known = {id(one) for one in before} if isinstance(before, list) else set()
    for index, one in enumerate(value):
        if id(one) not in known:
            yield from _misfits(element, one, _ABSENT, place.element(index))


def _scalar_misfits(schema: Schema, value: Any, place: _Place) -> Iterator[Misfit]:
    text = _own_text(schema.format, value)
    if text:
        yield Misfit(place.plain, text=text)
    elif schema.format != QUANTITY and not _fits(schema, value):
        wanted = _go_type(schema)
        yield place.misfit(wanted, _found(value, wanted))


def _own_text(form: str, value: Any) -> str:
    """Return the error of types that decode themselves; "" when there is none."""
    if form == QUANTITY:
        return _quantity_text(value)
    check = _TEXTS.get(form)
    return check(value) if check and isinstance(value, str) else ""


def _fits(schema: Schema, value: Any) -> bool:
    """Tell whether a value fits a plain scalar; types that are left open take anything."""
    if schema.scalar == BOOLEAN:
        return isinstance(value, bool)
    if schema.scalar == NUMERIC:
        return _is_number(value) and not (schema.is_integer and not _is_in_range(schema, value))
    if schema.format == "int-or-string":
        return isinstance(value, str) or (_is_number(value) and _is_whole(value, _RANGES["int32"]))
    return schema.map is not None or isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_in_range(schema: Schema, value: float) -> bool:
    return _is_whole(value, _RANGES.get(schema.format, _RANGES["int64"]))


def _is_whole(value: float, limit: int) -> bool:
    return isinstance(value, int) and -limit <= value < limit


def _quantity_text(value: Any) -> str:
    """Check a quantity; what is neither text nor number is read as a text too."""
    try:
        parse_quantity(str(value))
    except QuantityError as error:
        return str(error)
    return ""


def _bytes_text(value: str) -> str:
    try:
        a2b_base64(value, strict_mode=True)
    except (Base64Error, ValueError):
        letters = re.match(r"[A-Za-z0-9+/\r\n]*", value)
        return f"illegal base64 data at input byte {letters.end() if letters else 0}"
    return ""


def _time_text(value: str) -> str:
    if _TIME.fullmatch(value):
        return ""
    shape = "2006-01-02T15:04:05Z07:00"
    return f'parsing time "{value}" as "{shape}": cannot parse "{value}" as "2006"'


_TEXTS = {"byte": _bytes_text, "date-time": _time_text}
"""Formats whose types decode texts themselves; quantities decode anything."""


def _found(value: Any, wanted: str) -> str:
    """Name what there is; a number is shown where another number would do."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return f"number {value}" if wanted in _RANGES else "number"
    return "array" if isinstance(value, list) else "object"


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _go_type(schema: Schema) -> str:
    """Return the name of the Go type: `v1.PodSpec`, `[]string`, `map[string]string`, `int32`."""
    if schema.scalar:
        return _go_scalar(schema)
    if schema.name:
        return ".".join(schema.name.split(".")[-2:])
    if schema.list is not None:
        return f"[]{_go_type(schema.list.element.resolve())}"
    element = schema.map.element if schema.map else None
    return f"map[string]{_go_type(element.resolve())}" if element else "struct {}"


def _go_scalar(schema: Schema) -> str:
    if schema.scalar == BOOLEAN:
        return "bool"
    if schema.scalar == NUMERIC:
        return (schema.format or "int64") if schema.is_integer else "float64"
    if schema.format == QUANTITY:
        return "resource.Quantity"
    return {"byte": "[]uint8", "int-or-string": "int32"}.get(schema.format, "string")
