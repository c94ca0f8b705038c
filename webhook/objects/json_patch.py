"""JSON Patch (RFC 6902) as the library of the API server applies it (evanphx/json-patch v4).

For patches that policies make: its liberties and its error texts are kept (kubernetes-cel.md 5.4).
The patches that Propylon itself makes are `patch.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from webhook.objects.equality import identical

Operation = Mapping[str, Any]
"""`op`, `path`, `from` (may be empty or absent), and `value` if it was given."""

MISSING = "missing value"
BAD_INDEX = "invalid index referenced"

_INDEX = re.compile(r"[+-]?[0-9]{1,18}")


class JsonPatchError(ValueError):
    """A patch that does not apply; `str()` is upstream's text."""


class FailedTestError(Exception):
    """A `test` that is not met: the patch must not be applied, which is no error."""


def apply(patch: Iterable[Operation], value: Any) -> Any:
    """Return the patched value; the given one stays as it is and shares what did not change.

    Raises JsonPatchError and FailedTestError.
    """
    for operation in patch:
        step = _STEPS.get(operation["op"])
        if step is None:
            raise JsonPatchError(f"Unexpected kind: {operation['op']}")
        value = step(value, operation)
    return value


def _add(document: Any, operation: Operation) -> Any:
    path = operation["path"]
    missing = f'add operation does not apply: doc is missing path: "{path}"'
    keys = _keys(document, path, missing)
    return _changed(
        document, keys, _inserted, operation.get("value"), f"error in add for path: '{path}'"
    )


def _remove(document: Any, operation: Operation) -> Any:
    path = operation["path"]
    missing = f'remove operation does not apply: doc is missing path: "{path}"'
    keys = _keys(document, path, missing)
    return _changed(document, keys, _without, None, f"error in remove for path: '{path}'")


def _replace(document: Any, operation: Operation) -> Any:
    path, value = operation["path"], operation.get("value")
    if not path and isinstance(value, dict):
        return value
    keys = _keys(document, path, f"replace operation does not apply: doc is missing path: {path}")
    missing = f"replace operation does not apply: doc is missing key: {path}: {MISSING}"
    try:
        return _changed(document, keys, _replaced, value, "")
    except JsonPatchError:
        raise JsonPatchError(missing) from None


def _move(document: Any, operation: Operation) -> Any:
    source, path = _source(operation, "move"), operation["path"]
    keys = _keys(
        document, source, f"move operation does not apply: doc is missing from path: {source}"
    )
    place = f"error in move for path: '{keys[-1]}'"
    value = _get(_container(document, keys), keys[-1], place)
    document = _changed(document, keys, _without, None, place)
    missing = f"move operation does not apply: doc is missing destination path: {path}"
    return _changed(
        document,
        _keys(document, path, missing),
        _inserted,
        value,
        f"error in move for path: '{path}'",
    )


def _copy(document: Any, operation: Operation) -> Any:
    source, path = _source(operation, "copy"), operation["path"]
    keys = _keys(
        document, source, f"copy operation does not apply: doc is missing from path: {source}"
    )
    value = _get(_container(document, keys), keys[-1], f"error in copy for from: '{source}'")
    missing = f"copy operation does not apply: doc is missing destination path: {path}"
    return _changed(
        document,
        _keys(document, path, missing),
        _inserted,
        value,
        "error while adding value during copy",
    )


def _test(document: Any, operation: Operation) -> Any:
    """Compare; a key that is absent or null equals only a value that was not given."""
    path = operation["path"]
    current = document
    if path:
        keys = _keys(document, path, f"test operation does not apply: is missing path: {path}")
        current = _get(_container(document, keys), keys[-1], f"error in test for path: '{path}'")
    is_met = "value" not in operation
    if current is not None:
        is_met = not is_met and identical(current, operation["value"])
    if not is_met:
        raise FailedTestError(path)
    return document


_STEPS: Mapping[str, Callable[[Any, Operation], Any]] = {
    "add": _add,
    "copy": _copy,
    "move": _move,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
}


def _source(operation: Operation, name: str) -> str:
    source: str = operation.get("from") or ""
    if not source:
        text = f"{name} operation failed to decode from: operation, missing from field: {MISSING}"
        raise JsonPatchError(text)
    return source


def _keys(document: Any, path: str, missing: str) -> list[str]:
    """Return the keys of a pointer whose parent is there; else raise with the text given."""
    keys = [key.replace("~1", "/").replace("~0", "~") for key in path.split("/")[1:]]
    try:
        is_there = bool(keys) and isinstance(_container(document, keys), dict | list)
    except JsonPatchError:
        is_there = False
    if not is_there:
        raise JsonPatchError(f"{missing}: {MISSING}")
    return keys


def _container(document: Any, keys: list[str]) -> Any:
    """Return what holds the last key."""
    for key in keys[:-1]:
        if not isinstance(document, dict | list):
            raise JsonPatchError(key)
        document = _get(document, key, key)
    return document


def _get(container: Any, key: str, place: str) -> Any:
    """Return a value; an absent key of a map is null."""
    if isinstance(container, dict):
        return container.get(key)
    return container[_index(key, len(container), place)]


def _changed(
    document: Any, keys: list[str], change: Callable[..., Any], value: Any, place: str
) -> Any:
    """Return the document with a changed container at the end of the keys, all else shared."""
    if len(keys) == 1:
        return change(document, keys[0], value, place)
    key = keys[0]
    inner = _changed(_get(document, key, place), keys[1:], change, value, place)
    return _replaced(document, key, inner, place)


def _replaced(container: Any, key: str, value: Any, place: str) -> Any:
    if isinstance(container, dict):
        return {**container, key: value}
    index = _index(key, len(container), place)
    return [*container[:index], value, *container[index + 1 :]]


def _without(container: Any, key: str, _value: Any, place: str) -> Any:
    if isinstance(container, dict):
        if key not in container:
            text = f"Unable to remove nonexistent key: {key}: {MISSING}"
            raise JsonPatchError(f"{place}: {text}")
        return {name: one for name, one in container.items() if name != key}
    index = _index(key, len(container), place)
    return [*container[:index], *container[index + 1 :]]


def _inserted(container: Any, key: str, value: Any, place: str) -> Any:
    if isinstance(container, dict):
        return {**container, key: value}
    if key == "-":
        return [*container, value]
    if not _INDEX.fullmatch(key):
        place = f"{place}: value was not a proper array index: '{key}'"
    index = _index(key, len(container) + 1, place)
    return [*container[:index], value, *container[index:]]


def _index(key: str, length: int, place: str) -> int:
    """Return an index; negative ones count from the end."""
    if not _INDEX.fullmatch(key):
        raise JsonPatchError(f'{place}: strconv.Atoi: parsing "{key}": invalid syntax')
    index = int(key)
    if not -length <= index < length:
        raise JsonPatchError(f"{place}: Unable to access invalid index: {index}: {BAD_INDEX}")
    return index + length if index < 0 else index
