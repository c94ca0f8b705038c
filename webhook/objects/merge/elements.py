"""What tells the elements of a list apart: the keys of a map list, the value in a set."""

from __future__ import annotations

from typing import Any

from webhook.objects.merge.values import Foreign, number, quoted
from webhook.objects.schemas import MAP, SET, ListSchema

Identity = tuple[Any, ...]
"""Equal for elements that are the same one; numbers by value, true never equal to 1."""


class ElementError(Exception):
    """An element that cannot be told apart from others; `str()` is upstream's text."""


def identity(schema: ListSchema, index: int, element: Any) -> Identity:
    """Return what an element is told apart by; raise ElementError."""
    if schema.relationship == MAP:
        return tuple((key, _marked(value)) for key, value in _keys(schema, element))
    if schema.relationship == SET:
        return (_marked(_set_value(element)),)
    return (index,)


def shown(schema: ListSchema, index: int, element: Any) -> str:
    """Return the part of a path that names an element: `[name="a"]`, `[="a"]`, `[0]`."""
    if schema.relationship == MAP:
        return f"[{','.join(f'{key}={_shown(value)}' for key, value in _keys(schema, element))}]"
    return f"[={_shown(element)}]" if schema.relationship == SET else f"[{index}]"


def _keys(schema: ListSchema, element: Any) -> list[tuple[str, Any]]:
    """Return key fields and values in order of name.

    A key left out has its default; one without a default is left out, if there is any other.
    """
    if element is None:
        raise ElementError("associative list with keys may not have a null element")
    if not isinstance(element, dict):
        raise ElementError("associative list with keys may not have non-map elements")
    mapping = schema.element.resolve().map
    fields = mapping.fields if mapping else {}
    defaults = {key: fields[key].default for key in schema.keys if key in fields}
    known = {key: value for key, value in defaults.items() if value is not None}
    known |= {key: element[key] for key in schema.keys if key in element}
    if not known:
        names = " ".join(map(quoted, schema.keys))
        raise ElementError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return sorted(known.items())


def _set_value(element: Any) -> Any:
    if isinstance(element, dict):
        raise ElementError("associative list without keys has an element that's a map type")
    if isinstance(element, list):
        raise ElementError("not supported: associative list with lists as elements")
    if element is None:
        raise ElementError("associative list without keys has an element that's an explicit null")
    return element


def _marked(value: Any) -> Any:
    """Return a hashable form of a value in which true and 1 differ."""
    if isinstance(value, bool):
        return "bool", value
    return repr(value) if isinstance(value, dict | list) else value


def _shown(value: Any) -> str:
    if isinstance(value, Foreign):
        return "{{undefined}}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return f"{{{';'.join(f'{key}={_shown(value[key])}' for key in sorted(value))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_shown, value))}]"
    return "null" if value is None else number(value)
