"""Whatever comes in: a request or a BadReview; whatever goes out: what the API server accepts."""

import base64
import re
import unicodedata
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codec.reviews import REVIEW, body, tweaked
from webhook.codec import BadReview, _check, _is_usual, decode_review, encode_review
from webhook.model import NEVER, Decision

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)
REQUEST = decode_review(body(), 0.0, NEVER)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += paths(item, (*path, key))
    return found


@given(st.sampled_from(paths(REVIEW)), JSON)
@settings(max_examples=300, deadline=None)
def test_any_value_anywhere_gives_a_request_or_a_bad_review(
    path: tuple[Any, ...], value: Any
) -> None:
    data = body(*path, value)
    try:
        request = decode_review(data, 0.0, NEVER)
    except BadReview as error:
        assert str(error)  # noqa: PT017 - either result is fine, the text is what counts
    else:
        assert request.wire == orjson.loads(data)["request"]


@given(st.binary(max_size=64))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_with_a_text(data: bytes) -> None:
    with pytest.raises(BadReview, match=r"body|kind"):
        decode_review(data, 0.0, NEVER)


@given(
    st.lists(st.text(max_size=20)),
    st.dictionaries(st.text(max_size=80), st.text(max_size=5)),
    st.text(),
)
@settings(max_examples=200, deadline=None)
def test_any_texts_are_sent_in_a_form_that_is_kept(
    warnings: list[str], annotations: dict[str, str], message: str
) -> None:
    decision = Decision(
        allowed=False,
        digest="d",
        warnings=tuple(warnings),
        audit_annotations=annotations,
        message=message,
        object_after=REQUEST.object,
    )
    answer = orjson.loads(encode_review(REQUEST, decision, True))["response"]
    for warning in answer.get("warnings", ()):
        assert warning
        assert not any(unicodedata.category(character) == "Cc" for character in warning)
    for key in answer.get("auditAnnotations", ()):
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", key)
    assert answer["status"]["code"] >= 400


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=4), st.booleans())
@settings(max_examples=200, deadline=None)
def test_patch_and_type_come_together(after: dict[str, Any], mutating: bool) -> None:
    decision = Decision(allowed=True, digest="d", object_after=after)
    answer = orjson.loads(encode_review(replace(REQUEST, object={"a": 1}), decision, mutating))[
        "response"
    ]
    assert ("patch" in answer) == ("patchType" in answer)
    assert mutating or "patch" not in answer
    if "patch" in answer:
        assert orjson.loads(base64.b64decode(answer["patch"]))


@given(st.sampled_from(paths(REVIEW)), JSON)
@settings(max_examples=300, deadline=None)
def test_quick_look_promises_no_more_than_the_close_one(path: tuple[Any, ...], value: Any) -> None:
    request = tweaked(*path, value).get("request")
    if isinstance(request, dict) and _is_usual(request):
        _check(request)  # raises where the promise does not hold
