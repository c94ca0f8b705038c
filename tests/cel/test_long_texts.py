"""Texts of ten megabytes and lists of 100,000 elements: an answer soon, or within the budget."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest

from webhook.cel import Budget, Environment, EvaluationError
from webhook.cel.types import DYN

SIZE = 10_000_000
LIMIT = 10_000_000
OBJECT: dict[str, Any] = {
    "a": "a" * SIZE,
    "digits": "9" * SIZE,
    "commas": "a," * (SIZE // 2),
    "colons": ":" * SIZE,
    "many": list(range(100_000)),
    "texts": ["a"] * 100_000,
    "nan": float("nan"),
}
ENVIRONMENT = Environment({"object": DYN}, mutation=True)

MOST_SECONDS = 3.0
"""Of processor time; a quiet machine needs a tenth of a second, or half of one for the budget."""


@pytest.mark.parametrize(
    "text",
    [
        "object.a.matches('(a+)+$')",
        "object.a.matches('(a|b)*c')",
        "object.a.matches(object.a)",
        "object.a + object.a",
        "object.a.contains(object.a)",
        "object.a.replace('a', 'bb')",
        "object.a.split('')",
        "object.commas.split(',')",
        "object.a.reverse()",
        "object.a.findAll('a')",
        "int(object.digits)",
        "double(object.digits)",
        "timestamp(object.digits)",
        "duration(object.digits)",
        "quantity(object.digits)",
        "semver(object.digits)",
        "ip(object.a)",
        "isIP(object.colons)",
        "isCIDR(object.digits)",
        "url(object.a)",
        "isURL(object.colons)",
        "format.dns1123Label().validate(object.a)",
        "'%s'.format([object.a])",
        "object.texts.join(object.a)",
        "object.many.distinct()",
        "object.many.sort()",
        "object.many.sortBy(x, -x)",
        "sets.contains(object.many, object.many)",
        "object.many.map(x, object.a)",
        "lists.range(1000000000)",
        "{object.nan: 1}[object.nan]",
    ],
)
def test_long_values_get_an_answer_soon(text: str) -> None:
    program = ENVIRONMENT.compile(text)
    start = time.thread_time()
    with suppress(EvaluationError):
        program.evaluate({"object": OBJECT}, Budget(LIMIT))
    assert time.thread_time() - start < MOST_SECONDS
