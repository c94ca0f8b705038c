"""Whatever is written as JSON, in any style, is read as the same value, each thing at its place."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.documents import parse_document
from webhook.model import Document
from webhook.objects.equality import identical
from webhook.objects.paths import Path

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["yes", "0644", "1e3", "2026-01-02", "<<", "*x", "~"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def paths(value: Any, path: Path = ()) -> list[Path]:
    if isinstance(value, dict):
        return [path, *(p for key, child in value.items() for p in paths(child, (*path, key)))]
    if isinstance(value, list):
        return [path, *(p for i, child in enumerate(value) for p in paths(child, (*path, i)))]
    return [path]


@settings(max_examples=80, deadline=None)
@given(value=VALUES, indent=st.sampled_from([None, 1, 4]))
def test_json_is_read_as_it_is(value: Any, indent: int | None) -> None:
    whole = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "one"}, "value": value}
    text = json.dumps(whole, indent=indent, ensure_ascii=False)
    (item,), errors = parse_document(Document("a.yaml", text))
    assert errors == ()
    assert identical(item.value, whole)
    lines = text.splitlines()
    for path in paths(whole):
        error = item.error(path, "here")
        assert lines[error.line - 1][error.column - 1 :].strip()


@settings(max_examples=80, deadline=None)
@given(text=st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@ \n\t?,<", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    _, errors = parse_document(Document("a.yaml", text))
    assert all(str(error) for error in errors)
