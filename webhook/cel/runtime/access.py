"""Reading fields, keys and elements of values, with upstream's errors.

Follows the qualifiers of upstream's `interpreter/attributes.go`.
"""

from __future__ import annotations

from typing import Any, Final

from webhook.cel.errors import EvaluationError
from webhook.cel.runtime.equality import find, missing
from webhook.cel.runtime.texts import show
from webhook.cel.values import INT_MAX, INT_MIN, ObjectValue, Uint, type_name

NOT_THERE: Final = object()
"""What `look_up` returns where there is no such key or index."""

_GO_TYPES: Final = {
    "null_type": "types.Null",
    "bool": "types.Bool",
    "int": "types.Int",
    "uint": "types.Uint",
    "double": "types.Double",
    "string": "types.String",
    "bytes": "types.Bytes",
    "type": "*types.Type",
    "optional_type": "*types.Optional",
    "google.protobuf.Timestamp": "types.Timestamp",
    "google.protobuf.Duration": "types.Duration",
    "kubernetes.Quantity": "cel.Quantity",
    "kubernetes.URL": "cel.URL",
    "kubernetes.Semver": "cel.Semver",
    "kubernetes.NamedFormat": "*cel.Format",
    "net.IP": "cel.IP",
    "net.CIDR": "cel.CIDR",
    "list": "*types.baseList",
    "map": "*types.baseMap",
}
_KEYS: Final = (str, bool, int, float, Uint)


def go_type(value: Any) -> str:
    """Return the name of upstream's Go type of a value, which some error texts hold."""
    name = type_name(value)
    return _GO_TYPES.get(name, name)


def check_key(key: Any) -> None:
    """Refuse a key of a type that nothing can be indexed by."""
    if not isinstance(key, _KEYS):
        raise EvaluationError(f"invalid qualifier type: {go_type(key)}")


def list_index(key: Any) -> int:
    """Return the index that a key means in a list."""
    if type(key) is int:
        return key
    if isinstance(key, Uint):
        if key.value <= INT_MAX:
            return key.value
    elif isinstance(key, float):
        if float(INT_MIN) < key < float(INT_MAX) and key.is_integer():
            return int(key)
    else:
        raise EvaluationError(f"unsupported index type '{type_name(key)}' in list")
    raise EvaluationError(f"unsupported index value {show(key)} in list")


def look_up(holder: Any, key: Any) -> Any:
    """Return the value at a key, or NOT_THERE; only wrong types of keys are errors."""
    kind = type(holder)
    if kind is dict:
        found = find(holder, key)
        return NOT_THERE if missing(found) else found
    if kind is list:
        index = list_index(key)
        return holder[index] if 0 <= index < len(holder) else NOT_THERE
    if isinstance(holder, dict):
        return _look_up_lazily(holder, key)
    if isinstance(holder, ObjectValue):
        return holder.fields.get(key, NOT_THERE)
    return NOT_THERE


def _unset_field(holder: ObjectValue, key: Any) -> Any:
    """Return what upstream reads from a field that was not set."""
    return "" if holder.cel_type_name == "JSONPatch" and key != "value" else None


def _look_up_lazily(holder: dict[Any, Any], key: Any) -> Any:
    """Read a dict whose `__missing__` makes values."""
    try:
        return holder[key]
    except KeyError:
        return NOT_THERE


def read(holder: Any, key: Any) -> Any:
    """Return the value at a key; that there is none is an error."""
    found = look_up(holder, key)
    if found is not NOT_THERE:
        return found
    if isinstance(holder, ObjectValue):
        return _unset_field(holder, key)
    if isinstance(holder, list):
        raise EvaluationError(f"index out of bounds: {show(key)}")
    raise EvaluationError(f"no such key: {show(key)}")


def has(holder: Any, key: Any) -> bool:
    """Tell whether there is a value at a key, which may be null."""
    return look_up(holder, key) is not NOT_THERE


def read_dynamic(holder: Any, key: Any) -> Any:
    """Return the value at a key whose type is only known now."""
    check_key(key)
    return read(holder, key)


def keys_of(container: Any) -> list[Any]:
    """Return the elements of a list, or the keys of a map in the order they came in."""
    if isinstance(container, list):
        return container
    if isinstance(container, dict):
        return list(container)
    raise EvaluationError(f"got '{go_type(container)}', expected iterable type")


def pairs_of(container: Any) -> list[tuple[Any, Any]]:
    """Return index and element, or key and value, in the order they came in."""
    if isinstance(container, list):
        return list(enumerate(container))
    if isinstance(container, dict):
        return list(container.items())
    raise EvaluationError(f"unsupported comprehension range type: {go_type(container)}")
