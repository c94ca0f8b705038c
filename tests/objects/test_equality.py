"""Sameness (platform-rules 0.9)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.objects.equality import MEANINGFUL_WHEN_EMPTY, identical, same, same_quantity

# id → (a, b, identical, same)
PAIRS: dict[str, tuple[Any, Any, bool, bool]] = {
    "equal maps": ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, True, True),
    "another value": ({"a": 1}, {"a": 2}, False, False),
    "another key": ({"a": 1}, {"b": 1}, False, False),
    "another order": ([1, 2], [2, 1], False, False),
    "another length": ([1], [1, 1], False, False),
    "true is not 1": ([True], [1], False, False),
    "1 is not true, deep": ({"a": [{"b": 1}]}, {"a": [{"b": True}]}, False, False),
    "1 and 1.0": ({"a": 1}, {"a": 1.0}, False, True),
    "int-or-string": ({"port": 80}, {"port": "80"}, False, True),
    "string-or-int": ({"port": "80"}, {"port": 80}, False, True),
    "int and another text": ({"port": 80}, {"port": "http"}, False, False),
    "true and its text": ({"a": True}, {"a": "True"}, False, False),
    "null is absent": ({"a": None}, {}, False, True),
    "an empty map is absent": ({}, {"a": {}}, False, True),
    "an empty list is absent": ({"a": []}, {"a": None}, False, True),
    "emptiness inside emptiness": ({"a": {"b": {"c": []}}}, {}, False, True),
    "an empty text is a text": ({"a": ""}, {}, False, False),
    "zero is a number": ({"a": 0}, {}, False, False),
    "emptyDir is there": ({"emptyDir": {}}, {}, False, False),
    "emptyDir with nothing in it": ({"emptyDir": {}}, {"emptyDir": {"medium": None}}, False, True),
    "emptyDir deep down": ({"a": {"emptyDir": {}}}, {"a": {}}, False, False),
    "podSelector selects all": ({"podSelector": {}}, {"podSelector": None}, False, False),
    "an empty term is a term": ({"terms": [{}]}, {"terms": []}, False, False),
    "nothing and nothing": (None, {}, False, True),
    "keys in another order": ({"a": [1], "b": 2}, {"b": 2, "a": [1]}, True, True),
    "1 and 1.0, deep": ({"a": [{"b": 1}]}, {"a": [{"b": 1.0}]}, False, True),
    "a number that no text holds": ({"a": [2**70]}, {"a": [2**70]}, True, True),
    "a map and a list": ({"a": {"b": 1}}, {"a": [1]}, False, False),
    "quantities are texts": ({"cpu": "1"}, {"cpu": "1000m"}, False, False),
}


@pytest.mark.parametrize(("a", "b", "are_identical", "are_same"), PAIRS.values(), ids=list(PAIRS))
def test_sameness_works_both_ways(
    a: Any,
    b: Any,
    are_identical: bool,
    are_same: bool,
) -> None:
    assert (identical(a, b), identical(b, a)) == (are_identical, are_identical)
    assert (same(a, b), same(b, a)) == (are_same, are_same)
    assert identical(a, a)
    assert same(b, b)


QUANTITIES: dict[str, tuple[Any, Any, bool]] = {
    "unit and thousandths": (1, "1000m", True),
    "binary and decimal": ("1Ki", "1024", True),
    "a fraction": (0.5, "500m", True),
    "another amount": ("1Gi", "1G", False),
    "no quantity, the same": ("many", "many", True),
    "no quantity, another": ("many", "1", False),
    "true is no quantity": (True, 1, False),
    "absent": (None, None, True),
}


@pytest.mark.parametrize(("a", "b", "expected"), QUANTITIES.values(), ids=list(QUANTITIES))
def test_quantities_are_amounts(a: Any, b: Any, expected: bool) -> None:
    assert same_quantity(a, b) is expected


LEAVES = st.sampled_from((None, True, False, 0, 1, 0.0, 1.0, "", "0", "1", "true", 2**70))
KEYS = st.sampled_from(("a", "b", "emptyDir", "selector"))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
ALIKE: dict[str, tuple[Any, ...]] = {
    "null": (None, {}, []),
    "true": (True, 1, 1.0, "true"),
    "false": (False, 0, 0.0),
    "1": (1, "1", 1.0, True),
    "0": (0, "0", False),
}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Draw a value, and the same one with some leaves changed and its keys in any order."""
    value = draw(VALUES)
    return value, draw(st.one_of(st.just(twisted(draw, value)), VALUES))


def twisted(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {key: twisted(draw, value[key]) for key in keys}
    if isinstance(value, list):
        return [twisted(draw, one) for one in value]
    others = ALIKE.get(json.dumps(value), (value,))
    return draw(st.sampled_from((value, value, *others)))


def plainly_same(key: str, a: Any, b: Any) -> bool:
    """Tell what `same` promises, in the plainest way."""
    if is_nothing(key, a) or is_nothing(key, b):
        return is_nothing(key, a) and is_nothing(key, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return all(plainly_same(one, a.get(one), b.get(one)) for one in {*a, *b})
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(plainly_same("", *one) for one in zip(a, b, strict=True))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if {type(a), type(b)} == {int, str}:
        return str(a) == str(b)
    return bool(a == b)


def is_nothing(key: str, value: Any) -> bool:
    if isinstance(value, dict) and key not in MEANINGFUL_WHEN_EMPTY:
        return all(is_nothing(one, inner) for one, inner in value.items())
    return value is None or value == []


@given(pairs())
def test_shortcuts_never_change_an_answer(pair: tuple[Any, Any]) -> None:
    a, b = pair
    assert identical(a, b) is (json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True))
    assert same(a, b) is plainly_same("", a, b)
