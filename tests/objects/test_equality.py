"""Sameness (platform-rules 0.9)."""

from typing import Any

import pytest

from webhook.objects.equality import identical, same, same_quantity

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
