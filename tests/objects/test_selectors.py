"""Label selectors and globs."""

from typing import Any

import pytest

from webhook.objects.selectors import (
    EVERYTHING,
    NOTHING,
    SelectorError,
    glob,
    matches,
    parse_selector,
    selector_text,
)


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def expressions(*given: dict[str, Any]) -> dict[str, Any]:
    return {"matchExpressions": list(given)}


LABELS = {"app": "web", "tier": "front", "empty": "", "example.org/team": "a"}

# id → (selector, selects LABELS, query text)
SELECTORS: dict[str, tuple[Any, bool, str]] = {
    "empty selects all": ({}, True, ""),
    "empty parts": ({"matchLabels": None, "matchExpressions": []}, True, ""),
    "a label": ({"matchLabels": {"app": "web"}}, True, "app=web"),
    "another value": ({"matchLabels": {"app": "db"}}, False, "app=db"),
    "an empty value": ({"matchLabels": {"empty": ""}}, True, "empty="),
    "an empty value is not absence": ({"matchLabels": {"absent": ""}}, False, "absent="),
    "all must fit": (
        {"matchLabels": {"tier": "front", "app": "db"}}, False, "app=db,tier=front"
    ),
    "In": (expressions(expression("app", "In", "web", "db")), True, "app in (db,web)"),
    "In, one value": (expressions(expression("app", "In", "web")), True, "app=web"),
    "In, other values": (expressions(expression("app", "In", "x", "y")), False, "app in (x,y)"),
    "NotIn": (expressions(expression("app", "NotIn", "web")), False, "app notin (web)"),
    "NotIn, other values": (expressions(expression("app", "NotIn", "x")), True, "app notin (x)"),
    "NotIn, absent": (expressions(expression("no", "NotIn", "x")), True, "no notin (x)"),
    "Exists": (expressions(expression("app", "Exists")), True, "app"),
    "Exists, absent": (expressions(expression("no", "Exists")), False, "no"),
    "DoesNotExist": (expressions(expression("no", "DoesNotExist")), True, "!no"),
    "DoesNotExist, there": (expressions(expression("app", "DoesNotExist")), False, "!app"),
    "a prefix": (
        {"matchLabels": {"example.org/team": "a"}}, True, "example.org/team=a"
    ),
    "both parts, sorted": (
        {"matchLabels": {"tier": "front"}, **expressions(expression("app", "Exists"))},
        True,
        "app,tier=front",
    ),
    "null selects nothing": (
        None, False, "!kubernetes.io/metadata.name,kubernetes.io/metadata.name"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "selects", "text"), SELECTORS.values(), ids=list(SELECTORS))
def test_a_selector_selects(value: Any, selects: bool, text: str) -> None:
    selector = parse_selector(value)
    assert matches(selector, LABELS) is selects
    assert selector_text(selector) == text


def test_no_labels_are_labels() -> None:
    assert matches(EVERYTHING, None)
    assert not matches(parse_selector({"matchLabels": {"app": "web"}}), None)
    assert not matches(NOTHING, None)
    assert not matches(NOTHING, {"kubernetes.io/metadata.name": "shop"})


def test_the_same_conditions_make_the_same_selector() -> None:
    first = expressions(expression("a", "In", "y", "x", "y"), expression("b", "Exists"))
    second = expressions(expression("b", "Exists"), expression("a", "In", "x", "y"))
    assert parse_selector(first) == parse_selector(second)


LONG = "x" * 64
MISTAKES: dict[str, tuple[Any, tuple[str | int, ...], str]] = {
    "a text": ("app=web", (), "must be a map"),
    "an unknown field": ({"app": "web"}, ("app",), "unknown field"),
    "labels as a list": ({"matchLabels": ["a"]}, ("matchLabels",), "must be a map"),
    "a key with a blank": ({"matchLabels": {"a b": ""}}, ("matchLabels", "a b"), "no label key"),
    "a key without a name": ({"matchLabels": {"a/": ""}}, ("matchLabels", "a/"), "no label key"),
    "a key that is too long": ({"matchLabels": {LONG: ""}}, ("matchLabels", LONG), "no label key"),
    "a prefix that is no domain": (
        {"matchLabels": {"A_b/c": ""}}, ("matchLabels", "A_b/c"), "no label key"
    ),
    "a prefix that is too long": (
        {"matchLabels": {"a" * 254 + "/c": ""}},
        ("matchLabels", "a" * 254 + "/c"),
        "no label key",
    ),
    "a value that is no text": ({"matchLabels": {"a": 1}}, ("matchLabels", "a"), "no label value"),
    "a value that is too long": (
        {"matchLabels": {"a": LONG}}, ("matchLabels", "a"), "no label value"
    ),
    "expressions as a map": (
        {"matchExpressions": {"a": 1}}, ("matchExpressions",), "must be a list"
    ),
    "an expression as a text": ({"matchExpressions": ["a"]}, ("matchExpressions", 0), "must be a map"),
    "an unknown field in an expression": (
        expressions({"key": "a", "operator": "Exists", "value": "b"}),
        ("matchExpressions", 0, "value"),
        "unknown field",
    ),
    "no key": (expressions({"operator": "Exists"}), ("matchExpressions", 0, "key"), "no label key"),
    "no operator": (expressions({"key": "a"}), ("matchExpressions", 0, "operator"), "one of In,"),
    "another operator": (
        expressions(expression("a", "Gt", "1")), ("matchExpressions", 0, "operator"), "one of In,"
    ),
    "an operator that is a list": (
        expressions({"key": "a", "operator": ["In"]}),
        ("matchExpressions", 0, "operator"),
        "one of In,",
    ),
    "In without values": (
        expressions(expression("a", "In")), ("matchExpressions", 0, "values"), "must not be empty"
    ),
    "Exists with values": (
        expressions(expression("a", "Exists", "b")),
        ("matchExpressions", 0, "values"),
        "must be absent",
    ),
    "values as a text": (
        expressions({"key": "a", "operator": "In", "values": "b"}),
        ("matchExpressions", 0, "values"),
        "must be a list",
    ),
    "a bad value in a list": (
        expressions(expression("a", "In", "b", "c d")),
        ("matchExpressions", 0, "values", 1),
        "no label value",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "path", "message"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_names_its_place(value: Any, path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_selector(value)
    assert caught.value.path == path
    assert message in caught.value.message


GLOBS: dict[str, tuple[str, str, bool]] = {
    "literal": ("kata", "kata", True),
    "literal, longer": ("kata", "kata-qemu", False),
    "at the end": ("kata*", "kata-qemu", True),
    "at the end, nothing more": ("kata*", "kata", True),
    "at the start": ("*/dind", "registry/dind", True),
    "at the start, more": ("*/dind", "registry/dind:1", False),
    "in the middle": ("a*c", "abc", True),
    "in the middle, no overlap": ("aba*ba", "aba", False),
    "another start": ("a*", "b", False),
    "several": ("*/team-*/app:*", "registry/team-a/app:1", True),
    "several, one missing": ("*/team-*/app:*", "registry/team-a/web:1", False),
    "alone": ("*", "", True),
    "no other wildcard": ("a?[b]", "a?[b]", True),
    "only stars": ("***", "abc", True),
}


@pytest.mark.parametrize(("pattern", "text", "expected"), GLOBS.values(), ids=list(GLOBS))
def test_a_glob_fits(pattern: str, text: str, expected: bool) -> None:
    assert glob(pattern, text) is expected
