"""When two JSON values are the same: exactly, or as the Kubernetes API means it.

Knows no schema: emptiness has meaning under the keys listed here, wherever they stand.
"""

from __future__ import annotations

from typing import Any

import orjson

from webhook.objects.quantity import QuantityError, compare, parse_quantity

MEANINGFUL_WHEN_EMPTY = frozenset((
    # a volume source or a handler is chosen by its presence
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "projected", "secret",
    # an empty selector selects everything, an absent one nothing (or the default)
    "labelSelector", "namespaceSelector", "objectSelector", "podSelector", "selector",
    # an empty node selector term matches nothing, an empty preference everything
    "nodeSelectorTerm", "preference",
))  # fmt: skip


_CONTAINERS = (dict, list)


def identical(a: Any, b: Any) -> bool:
    """Tell whether both are the same JSON value; true is not 1, and 1 is not 1.0."""
    if a is b:
        return True
    if type(a) is not type(b) or a != b:
        return False
    if not isinstance(a, _CONTAINERS) or _have_one_text(a, b):
        return True
    if isinstance(a, dict):
        return all(identical(value, b[key]) for key, value in a.items())
    return all(map(identical, a, b))


def _have_one_text(a: Any, b: Any) -> bool:
    """Tell whether both are written alike; false says nothing, as keys may stand in another order.

    Python compares containers fast, but takes true for 1 and 1 for 1.0. Their texts differ, and to
    write both takes a small part of the time of a walk through both.
    """
    try:
        return orjson.dumps(a) == orjson.dumps(b)
    except TypeError:  # a number of more than 64 bits
        return False


def same(a: Any, b: Any) -> bool:
    """Tell whether both mean the same to the Kubernetes API (platform-rules 0.9).

    null, an absent key and an empty map or list are the same, except where emptiness has meaning;
    80 and "80" are the same (int-or-string).
    """
    return _same("", a, b)


def same_quantity(a: Any, b: Any) -> bool:
    """Tell whether both are the same amount: 1 and "1000m"; what is no quantity is compared as is.

    Only for fields that hold quantities: in other fields "1" and "1000m" are texts.
    """
    try:
        return compare(parse_quantity(_quantity_text(a)), parse_quantity(_quantity_text(b))) == 0
    except QuantityError:
        return same(a, b)


def _quantity_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise QuantityError("a quantity is a text or a number")
    return str(value)


def _same(key: str, a: Any, b: Any) -> bool:
    if a is b or (isinstance(a, _CONTAINERS) and a == b and _have_one_text(a, b)):
        return True
    if _is_absent(key, a) or _is_absent(key, b):
        return _is_absent(key, a) and _is_absent(key, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return all(_same(k, a.get(k), b.get(k)) for k in a.keys() | b.keys())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return _same_scalar(a, b)


def _is_absent(key: str, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, list):
        return not value
    if isinstance(value, dict) and key not in MEANINGFUL_WHEN_EMPTY:
        return all(_is_absent(k, v) for k, v in value.items())
    return False


def _same_scalar(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int) and isinstance(b, str):
        return str(a) == b
    if isinstance(a, str) and isinstance(b, int):
        return a == str(b)
    return bool(a == b)
