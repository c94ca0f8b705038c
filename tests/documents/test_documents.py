"""Documents: values, positions, mistakes; the text of each row is what a user would write."""

from textwrap import dedent
from typing import Any

import pytest

from webhook.documents import Item, parse_document
from webhook.documents.values import MAX_ALIAS_NODES, MAX_DEPTH, read_yaml_in_steps
from webhook.model import ConfigError, Document

HEAD = "apiVersion: v1\nkind: Thing\nmetadata: {name: one}\n"


def parse(text: str) -> tuple[tuple[Item, ...], tuple[ConfigError, ...]]:
    return parse_document(Document("policies/a.yaml", text))


def parse_one(text: str) -> Item:
    items, errors = parse(HEAD + dedent(text))
    assert [str(error) for error in errors] == []
    (item,) = items
    return item


VALUES: dict[str, tuple[str, Any]] = {
    "text": ("web", "web"),
    "quoted": ("'1'", "1"),
    "number": ("12", 12),
    "negative": ("-12", -12),
    "hexadecimal": ("0x1F", 31),
    "octal": ("0o17", 15),
    "zero": ("0", 0),
    "fraction": ("1.50", 1.5),
    "exponent": ("1e3", 1000.0),
    "point first": (".5", 0.5),
    "largest": ("18446744073709551615", 18446744073709551615),
    "true": ("true", True),
    "False": ("False", False),
    "yes": ("yes", "yes"),
    "no": ("no", "no"),
    "on": ("on", "on"),
    "off": ("off", "off"),
    "y": ("y", "y"),
    "null": ("null", None),
    "tilde": ("~", None),
    "nothing": ("", None),
    "date": ("2026-01-02", "2026-01-02"),
    "time": ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
    "sexagesimal": ("12:30:00", "12:30:00"),
    "underscores": ("1_000", "1_000"),
    "version": ("1.2.3", "1.2.3"),
    "quantity": ("1Gi", "1Gi"),
    "equals sign": ("=", "="),
    "tagged text": ("!!str 12", "12"),
    "local text": ("! 12", "12"),
    "block": ("|\n    a\n      b\n", "a\n  b\n"),
    "folded": (">-\n    a\n    b\n", "a b"),
    "flow": ("{a: [1, 'x', {b: null}]}", {"a": [1, "x", {"b": None}]}),
    "block list": ("\n  - 1\n  - a: 2\n", [1, {"a": 2}]),
    "tagged map": ("!!map {a: !!seq [1]}", {"a": [1]}),
    "keys are texts": ("{1: a, true: b, null: c, yes: d}", {"1": "a", "true": "b", "null": "c", "yes": "d"}),
    "umlauts": ("grün 🙂", "grün 🙂"),
    "alias": ("{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
    "merge": ("{a: &x {k: 1, l: 2}, b: {<<: *x, l: 3}}", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}),
    "merge of several": (
        "{a: &x {k: 1}, b: &y {k: 2, l: 2}, c: {<<: [*x, *y]}}",
        {"a": {"k": 1}, "b": {"k": 2, "l": 2}, "c": {"k": 1, "l": 2}},
    ),
    "quoted merge key": ("{'<<': 1}", {"<<": 1}),
    "anchored key": ("{&k a: 1, b: *k}", {"a": 1, "b": "a"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES.values(), ids=list(VALUES))
def test_values_are_json(text: str, value: Any) -> None:
    found = parse_one(f"value: {text}")
    assert found.value["value"] == value
    assert type(found.value["value"]) is type(value)


NESTED = "[" * 100_000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in ("ab", "bc", "cd", "de")
)

# id → (text after HEAD, (line, column, path, part of the message))
MISTAKES: dict[str, tuple[str, tuple[int, int, str, str]]] = {
    "a key twice": ("spec:\n  a: 1\n  a: 2\n", (6, 3, "spec.a", "twice")),
    "a key twice, once quoted": ("spec: {a: 1, 'a': 2}\n", (4, 14, "spec.a", "twice")),
    "a map as key": ("spec: {{a: 1}: 2}\n", (4, 8, "spec", "plain text")),
    "an alias as key": ("a: &x k\nspec: {*x : 2}\n", (5, 8, "spec", "plain text")),
    "an old octal": ("mode: 0644\n", (4, 7, "mode", "octal")),
    "infinity": ("a: -.inf\n", (4, 4, "a", "JSON has no number -.inf")),
    "no number": ("a: .NaN\n", (4, 4, "a", "JSON has no number .NaN")),
    "too large": ("a: 18446744073709551616\n", (4, 4, "a", "64 bits")),
    "too small": ("a: -9223372036854775809\n", (4, 4, "a", "64 bits")),
    "far too large": (f"a: {'9' * 5000}\n", (4, 4, "a", "64 bits")),
    "too large a fraction": ("a: 1e999\n", (4, 4, "a", "too large")),
    "a date by tag": ("a: !!timestamp 2026-01-02\n", (4, 4, "a", "tag tag:yaml.org,2002:timestamp")),
    "a Python object": ("a: !!python/object:os.system {}\n", (4, 4, "a", "is not allowed")),
    "a tagged list": ("a: !!set [a]\n", (4, 4, "a", "is not allowed")),
    "an unknown alias": ("a: *x\n", (4, 4, "a", "*x is used before")),
    "an alias inside itself": ("a: &x [*x]\n", (4, 8, "a[0]", "*x is used before")),
    "a merge of a text": ("a:\n  <<: b\n", (5, 3, "a", "merges only maps")),
    "a merge of texts": ("a: {<<: [{}, b]}\n", (4, 5, "a", "merges only maps")),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_names_its_place(text: str, expected: tuple[int, int, str, str]) -> None:
    items, (error,) = parse(HEAD + text)
    assert items == ()
    assert (error.line, error.column, error.path) == expected[:3]
    assert expected[3] in error.message
    assert (error.origin, error.kind, error.name) == ("policies/a.yaml", "Thing", "one")


UNREADABLE: dict[str, tuple[str, tuple[int, int, str]]] = {
    "no YAML": ("a: b: c\n", (1, 5, "mapping values are not allowed")),
    "a tab": ("a:\n\tb: 1\n", (2, 1, "cannot start any token")),
    "an open list": ("a: [1\n", (2, 1, "did not find expected")),
    "a control character": ("a: b\nü: \x01\n", (2, 4, "control characters")),
    "a control character first": ("\x01", (1, 1, "control characters")),
    "half a surrogate pair": ("a: \ud800", (0, 0, "surrogate")),
    "nested too deep": (f"a: {NESTED}", (1, 4 + MAX_DEPTH, "nested deeper")),
    "aliases that explode": (BOMB, (4, 29, f"more than {MAX_ALIAS_NODES}")),
}


@pytest.mark.parametrize(("text", "expected"), UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_text_that_cannot_be_read_gives_one_error(
    text: str, expected: tuple[int, int, str]
) -> None:
    items, (error,) = parse(text)
    assert items == ()
    assert (error.line, error.column) == expected[:2]
    assert expected[2] in error.message


def test_several_documents_are_independent() -> None:
    text = f"---\n# nothing\n---\n{HEAD}---\n{HEAD}a: 1\na: 2\n---\n{HEAD.replace('one', 'two')}..."
    items, errors = parse(text)
    assert [item.identity for item in items] == [("Thing", "one"), ("Thing", "two")]
    assert [(error.name, error.line) for error in errors] == [("one", 12)]


INCOMPLETE: dict[str, tuple[str, list[tuple[str, int, int]]]] = {
    "nothing that is needed": (
        "a: 1\n",
        [("apiVersion", 1, 1), ("kind", 1, 1), ("metadata.name", 1, 1)],
    ),
    "no name": ("apiVersion: v1\nkind: A\nmetadata:\n  x: 1\n", [("metadata.name", 3, 1)]),
    "an empty name": ("apiVersion: v1\nkind: A\nmetadata:\n  name: ''\n", [("metadata.name", 4, 9)]),
    "a number as kind": ("apiVersion: v1\nkind: 1\nmetadata: {name: a}\n", [("kind", 2, 7)]),
    "metadata as a list": (
        "apiVersion: v1\nkind: A\nmetadata: [name]\n", [("metadata.name", 3, 1)]
    ),
    "a list": ("- 1\n", [("", 1, 1)]),
    "a text": ("web\n", [("", 1, 1)]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), INCOMPLETE.values(), ids=list(INCOMPLETE))
def test_an_object_needs_kind_and_name(text: str, expected: list[tuple[str, int, int]]) -> None:
    items, errors = parse(text)
    assert items == ()
    assert [(error.path, error.line, error.column) for error in errors] == expected


LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Thing
  metadata: {name: one}
  spec: {a: 1}
- apiVersion: v1
  kind: Thing
  metadata: {name: two}
  spec: {a: 1, a: 2}
- kind: List
  items:
  - apiVersion: v1
    kind: Thing
    metadata: {name: three}
"""


def test_a_list_is_its_elements() -> None:
    items, errors = parse(LIST)
    assert [item.name for item in items] == ["one", "three"]
    assert [(e.name, e.path, e.line, e.column) for e in errors] == [("two", "spec.a", 11, 16)]
    error = items[0].error(("spec", "a"), "must be a text")
    assert (error.line, error.column) == (7, 13)


def test_a_mistake_beside_the_elements_of_a_list_is_told() -> None:
    items, errors = parse(LIST + "kind: List\n")
    assert [item.name for item in items] == ["one", "three"]
    assert [(error.path, error.line) for error in errors] == [("spec.a", 11), ("kind", 17)]


def test_a_list_without_elements_is_empty() -> None:
    assert parse("apiVersion: v1\nkind: List\nitems: []\n") == ((), ())
    assert parse("") == ((), ())
    assert parse("---\n---\n") == ((), ())


def test_a_kind_that_only_sounds_like_a_list_is_an_object() -> None:
    items, _ = parse(HEAD.replace("Thing", "List") + "items: none\n")
    assert [item.identity for item in items] == [("List", "one")]


def test_the_text_of_an_item_depends_on_its_value_only() -> None:
    other = parse("# a comment\nmetadata: {'name': one}\nkind: Thing\napiVersion: v1\n")[0][0]
    assert parse(HEAD)[0][0].text == other.text
    assert other.text == '{"apiVersion":"v1","kind":"Thing","metadata":{"name":"one"}}'
    assert other.api_version == "v1"


SPEC = """\
spec:
  phase: enforced
  list:
  - a: 1
  - b: [x, y]
  flow: {k: v}
  copy: &x {deep: 1}
  alias: *x
  merged:
    <<: *x
"""

# id → (path, line, column)
PLACES: dict[str, tuple[tuple[str | int, ...], int, int]] = {
    "a text is where it stands": (("spec", "phase"), 5, 10),
    "a map is where its key is": (("spec",), 4, 1),
    "a list is where its key is": (("spec", "list"), 6, 3),
    "an element": (("spec", "list", 1), 8, 5),
    "inside an element": (("spec", "list", 1, "b", 1), 8, 12),
    "a flow map is where its key is": (("spec", "flow"), 9, 3),
    "what is absent: its parent": (("spec", "flow", "missing"), 9, 3),
    "what is absent, deep": (("spec", "gone", "x", 0), 4, 1),
    "an alias is where it stands": (("spec", "alias"), 11, 10),
    "inside an alias: its anchor": (("spec", "alias", "deep"), 10, 19),
    "merged: its source": (("spec", "merged", "deep"), 10, 19),
    "the whole": ((), 1, 1),
}


@pytest.mark.parametrize(("path", "line", "column"), PLACES.values(), ids=list(PLACES))
def test_an_error_finds_its_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    error = parse_one(SPEC).error(path, "wrong")
    assert (error.line, error.column) == (line, column)


def test_an_error_reads_well() -> None:
    error = parse_one(SPEC).error(("spec", "phase"), "allowed are off, audit, warn, enforce")
    assert str(error) == (
        "policies/a.yaml:5:10: Thing 'one': spec.phase: allowed are off, audit, warn, enforce\n"
        "  phase: enforced\n"
        "         ^"
    )


def test_a_long_line_is_cut_around_the_place() -> None:
    item = parse_one(f"a: [{'x, ' * 200}here]\n")
    line, caret = item.error(("a", 200), "wrong").excerpt.splitlines()
    assert line[caret.index("^") :] == "here]"
    assert len(line) <= 120


def test_a_tab_does_not_move_the_caret() -> None:
    excerpt = parse_one("a:\t\tb\n").error(("a",), "wrong").excerpt
    assert excerpt == "a:  b\n    ^"


EXPRESSIONS = """\
a: object.x == y
b: "object.x == y"
c: 'object.x == y'
d: |-
  object.x &&
    (y == z)
e: >
  object.x &&
  (y == z)

  || z
f: object.x &&
  (y == z)
g: "say \\"a\\" + y"
h: |2
    object.x
i: 5
j: ""
k: "\\u0061"
l: &l !!str |-
  object.x == y
m: &m object.x == y
n: *m
"""

# id → (key, line and column in the value, line and column in the document)
INSIDE: dict[str, tuple[str, tuple[int, int], tuple[int, int]]] = {
    "plain": ("a", (1, 13), (4, 16)),
    "plain, first": ("a", (1, 1), (4, 4)),
    "plain, at a blank": ("a", (1, 9), (4, 12)),
    "plain, at the end": ("a", (1, 14), (4, 17)),
    "double quotes": ("b", (1, 13), (5, 17)),
    "single quotes": ("c", (1, 13), (6, 17)),
    "block": ("d", (2, 4), (9, 6)),
    "block, first line": ("d", (1, 8), (8, 10)),
    "folded": ("e", (1, 14), (12, 4)),
    "folded, after an empty line": ("e", (2, 4), (14, 6)),
    "plain over two lines": ("f", (1, 14), (16, 4)),
    "after escapes: the start": ("g", (1, 11), (17, 4)),
    "indented block": ("h", (1, 3), (19, 5)),
    "no text": ("i", (1, 1), (20, 4)),
    "an empty text": ("j", (1, 1), (21, 4)),
    "escaped itself: the start": ("k", (1, 1), (22, 4)),
    "anchor and tag before a block": ("l", (1, 13), (24, 15)),
    "anchor before a text": ("m", (1, 13), (25, 19)),
    "an alias: where it stands": ("n", (1, 13), (26, 4)),
    "beyond the text": ("k", (3, 9), (22, 4)),
}


@pytest.mark.parametrize(("key", "inside", "expected"), INSIDE.values(), ids=list(INSIDE))
def test_a_place_in_an_expression_is_found(
    key: str, inside: tuple[int, int], expected: tuple[int, int]
) -> None:
    error = parse_one(EXPRESSIONS).error_in((key,), "wrong", *inside)
    assert (error.line, error.column) == expected
    assert error.path == key


def test_reading_pauses_after_each_element_of_a_list() -> None:
    elements = "- {kind: Thing, spec: {values: [1, 2]}}\n" * 4
    pauses = list(read_yaml_in_steps(f"kind: List\nitems:\n{elements}"))
    assert len(pauses) >= 4 + 1
