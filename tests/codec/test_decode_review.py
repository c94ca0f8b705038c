"""Bytes to AdmissionRequest: every field, and every way in which a review can be wrong."""

from typing import Any

import orjson
import pytest

from tests.codec.reviews import GONE, REVIEW, body, tweaked
from webhook.codec import BadReview, decode_review
from webhook.model import (
    NEVER,
    AdmissionRequest,
    GroupVersionKind,
    GroupVersionResource,
    UserInfo,
)


def decode(data: bytes) -> AdmissionRequest:
    return decode_review(data, 12.5, NEVER)


def test_all_fields_are_taken_over() -> None:
    review = tweaked("request", "subResource", "scale")
    review["request"]["requestSubResource"] = "scale"
    review["request"]["requestKind"] = {
        "group": "extensions",
        "version": "v1beta1",
        "kind": "Deployment",
    }
    review["request"]["requestResource"] = {
        "group": "extensions",
        "version": "v1beta1",
        "resource": "deployments",
    }
    review["request"]["dryRun"] = True
    review["request"]["operation"] = "UPDATE"
    review["request"]["oldObject"] = {"kind": "Deployment"}
    review["request"]["userInfo"] = {
        "username": "alice",
        "uid": "7",
        "groups": ["devs"],
        "extra": {"b": ["2", "3"], "a": ["1"]},
    }
    request = decode(orjson.dumps(review))
    assert request == AdmissionRequest(
        uid="705ab4f5-6393-11e8-b7cc-42010a800002",
        kind=GroupVersionKind("apps", "v1", "Deployment"),
        resource=GroupVersionResource("apps", "v1", "deployments"),
        operation="UPDATE",
        name="web",
        namespace="shop",
        sub_resource="scale",
        request_kind=GroupVersionKind("extensions", "v1beta1", "Deployment"),
        request_resource=GroupVersionResource("extensions", "v1beta1", "deployments"),
        request_sub_resource="scale",
        user_info=UserInfo("alice", "7", ("devs",), (("a", ("1",)), ("b", ("2", "3")))),
        object=review["request"]["object"],
        old_object={"kind": "Deployment"},
        dry_run=True,
        options={"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        received_at=12.5,
        api_version="admission.k8s.io/v1",
    )
    assert request.wire == review["request"]
    assert request.deadline is NEVER


# One place of the smallest review → the attribute that follows from it, and its value.
ACCEPTED: dict[str, tuple[tuple[Any, ...], str, Any]] = {
    "v1beta1": (
        ("apiVersion", "admission.k8s.io/v1beta1"),
        "api_version",
        "admission.k8s.io/v1beta1",
    ),
    "unknown fields are ignored": (("request", "newField", [1]), "uid", REVIEW["request"]["uid"]),
    "no name": (("request", "name", GONE), "name", ""),
    "no namespace": (("request", "namespace", GONE), "namespace", ""),
    "no requestKind": (("request", "requestKind", GONE), "request_kind", None),
    "no requestResource": (("request", "requestResource", GONE), "request_resource", None),
    "no dryRun": (("request", "dryRun", GONE), "dry_run", False),
    "no options": (("request", "options", GONE), "options", None),
    "no oldObject": (("request", "oldObject", GONE), "old_object", None),
    "core group": (
        ("request", "kind", {"group": "", "version": "v1", "kind": "Pod"}),
        "kind",
        GroupVersionKind("", "v1", "Pod"),
    ),
    "anonymous": (("request", "userInfo", {}), "user_info", UserInfo()),
    "null groups": (("request", "userInfo", {"groups": None}), "user_info", UserInfo()),
    "no metadata": (("request", "object", {"kind": "Scale"}), "object", {"kind": "Scale"}),
    "null labels": (
        ("request", "object", {"metadata": {"labels": None}}),
        "object",
        {"metadata": {"labels": None}},
    ),
}


@pytest.mark.parametrize(("tweak", "attribute", "value"), ACCEPTED.values(), ids=ACCEPTED)
def test_valid_review_gives(tweak: tuple[Any, ...], attribute: str, value: Any) -> None:
    assert getattr(decode(body(*tweak)), attribute) == value


OBJECT = {"metadata": {"name": "web"}}
SHAPES = {
    "CREATE": (OBJECT, None),
    "UPDATE": (OBJECT, OBJECT),
    "UPDATE without oldObject": (OBJECT, None),  # hand-made reviews of many test suites
    "DELETE": (None, OBJECT),
    "CONNECT": (OBJECT, None),
}


@pytest.mark.parametrize("case", SHAPES)
def test_objects_fit_the_operation(case: str) -> None:
    review = tweaked("request", "operation", case.split(maxsplit=1)[0])
    review["request"]["object"], review["request"]["oldObject"] = SHAPES[case]
    request = decode(orjson.dumps(review))
    assert (request.object, request.old_object) == SHAPES[case]


MISFITS = {
    "CREATE": (None, None, "request.object must be an object on CREATE, got null"),
    "CREATE ": (OBJECT, OBJECT, "request.oldObject must be null on CREATE"),
    "UPDATE": (None, OBJECT, "request.object must be an object on UPDATE, got null"),
    "DELETE": (OBJECT, OBJECT, "request.object must be null on DELETE"),
    "DELETE ": (None, None, "request.oldObject must be an object on DELETE, got null"),
    "CONNECT": (None, None, "request.object must be an object on CONNECT, got null"),
    "CONNECT ": (OBJECT, OBJECT, "request.oldObject must be null on CONNECT"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_objects_that_do_not_fit_are_refused(case: str) -> None:
    review = tweaked("request", "operation", case.strip())
    review["request"]["object"], review["request"]["oldObject"], message = MISFITS[case]
    with pytest.raises(BadReview) as refused:
        decode(orjson.dumps(review))
    assert str(refused.value) == message


NUMBERS: dict[str, Any] = {
    "9223372036854775807": 2**63 - 1,
    "9223372036854775808": 9223372036854775808.0,
    "18446744073709551615": 18446744073709551616.0,
    "18446744073709551616": 18446744073709551616.0,
    "-9223372036854775808": -(2**63),
    "-9223372036854775809": -9223372036854775808.0,
    "123456789012345678901234567890": 1.2345678901234568e29,
    "-0": 0,
    "1.0": 1.0,
    "1e2": 100.0,
    "1e+25": 1e25,
}


@pytest.mark.parametrize(
    "where", ['{"a":%s}', '{"a":[[{"b":%s}]]}', '{"s":"1234567890123456789","n":%s}']
)
@pytest.mark.parametrize("token", NUMBERS)
def test_number_becomes(token: str, where: str) -> None:
    """kubernetes-cel 3.2: int64 stays an int, everything else is a double."""
    data = body("request", "object", "spec", "NUMBER").replace(
        b'"NUMBER"', (where % token).encode()
    )
    place = decode(data).object["spec"]
    while isinstance(place, dict | list):
        place = place[-1] if isinstance(place, list) else next(reversed(place.values()))
    assert (type(place), place) == (type(NUMBERS[token]), NUMBERS[token])


def test_of_duplicate_keys_the_last_wins() -> None:
    data = body("request", "object", "spec", "SPEC").replace(b'"SPEC"', b'{"a":1,"a":2}')
    assert decode(data).object["spec"] == {"a": 2}


NOT_JSON = {
    "nothing": (b"", "the body is empty; an AdmissionReview is expected"),
    "text": (b"hello", "the body is not valid JSON: unexpected character"),
    "cut off": (body()[:-10], "the body is not valid JSON: "),
    "two documents": (
        body() + body(),
        "the body is not valid JSON: unexpected content after document",
    ),
    "NaN": (body().replace(b'"replicas":3', b'"replicas":NaN'), "the body is not valid JSON: "),
    "Infinity": (
        body().replace(b'"replicas":3', b'"replicas":Infinity'),
        "the body is not valid JSON: ",
    ),
    "beyond double": (
        body().replace(b'"replicas":3', b'"replicas":1e400'),
        "the body is not valid JSON: ",
    ),
    "invalid UTF-8": (body().replace(b"alice", b"al\xffce"), "the body is not valid JSON: "),
    "half a surrogate pair": (body().replace(b"alice", b"\\ud800"), "the body is not valid JSON: "),
    "raw control character": (body().replace(b"alice", b"a\x00"), "the body is not valid JSON: "),
    "too deep": (
        body().replace(b'"replicas":3', b'"x":' + b"[" * 100_000 + b"]" * 100_000),
        "the body is not valid JSON: depth limit exceeded",
    ),
    "a list": (b"[]", "the body must be an AdmissionReview object, got a list"),
    "a string": (b'"x"', 'the body must be an AdmissionReview object, got "x"'),
    "null": (b"null", "the body must be an AdmissionReview object, got null"),
}


@pytest.mark.parametrize(("data", "message"), NOT_JSON.values(), ids=NOT_JSON)
def test_body_that_is_no_json_object_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadReview) as refused:
        decode(data)
    assert str(refused.value).startswith(message)


REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "kind": (("kind", "Pod"), 'kind must be "AdmissionReview", got "Pod"'),
    "no kind": (("kind", GONE), 'kind must be "AdmissionReview", got nothing'),
    "apiVersion": (
        ("apiVersion", "v1"),
        'apiVersion must be admission.k8s.io/v1 or admission.k8s.io/v1beta1, got "v1"',
    ),
    "no apiVersion": (
        ("apiVersion", GONE),
        "apiVersion must be admission.k8s.io/v1 or admission.k8s.io/v1beta1, got nothing",
    ),
    "apiVersion list": (
        ("apiVersion", ["admission.k8s.io/v1"]),
        "apiVersion must be admission.k8s.io/v1 or admission.k8s.io/v1beta1, got a list",
    ),
    "no request": (("request", GONE), "request must be an object, got nothing"),
    "null request": (("request", None), "request must be an object, got null"),
    "list request": (("request", []), "request must be an object, got a list"),
    "no uid": (("request", "uid", GONE), "request.uid must be a string, got nothing"),
    "empty uid": (("request", "uid", ""), "request.uid must not be empty"),
    "number uid": (("request", "uid", 7), "request.uid must be a string, got 7"),
    "no kind of request": (
        ("request", "kind", GONE),
        "request.kind must be an object, got nothing",
    ),
    "string kind": (("request", "kind", "Pod"), 'request.kind must be an object, got "Pod"'),
    "kind without group": (
        ("request", "kind", {"version": "v1", "kind": "Pod"}),
        "request.kind.group must be a string, got nothing",
    ),
    "kind null": (
        ("request", "kind", "kind", None),
        "request.kind.kind must be a string, got null",
    ),
    "no resource": (
        ("request", "resource", GONE),
        "request.resource must be an object, got nothing",
    ),
    "resource null": (
        ("request", "resource", "resource", None),
        "request.resource.resource must be a string, got null",
    ),
    "requestKind": (
        ("request", "requestKind", []),
        "request.requestKind must be an object, got a list",
    ),
    "requestResource": (
        ("request", "requestResource", {}),
        "request.requestResource.group must be a string, got nothing",
    ),
    "operation": (
        ("request", "operation", "PATCH"),
        'request.operation must be one of CREATE, UPDATE, DELETE, CONNECT, got "PATCH"',
    ),
    "no operation": (
        ("request", "operation", GONE),
        "request.operation must be a string, got nothing",
    ),
    "name": (("request", "name", 1), "request.name must be a string, got 1"),
    "namespace": (("request", "namespace", True), "request.namespace must be a string, got true"),
    "subResource": (
        ("request", "subResource", {}),
        "request.subResource must be a string, got an object",
    ),
    "no userInfo": (
        ("request", "userInfo", GONE),
        "request.userInfo must be an object, got nothing",
    ),
    "username": (
        ("request", "userInfo", "username", 1.5),
        "request.userInfo.username must be a string, got 1.5",
    ),
    "groups": (
        ("request", "userInfo", "groups", "devs"),
        'request.userInfo.groups must be a list of strings, got "devs"',
    ),
    "group": (
        ("request", "userInfo", "groups", ["devs", None]),
        "request.userInfo.groups[1] must be a string, got null",
    ),
    "extra": (
        ("request", "userInfo", "extra", []),
        "request.userInfo.extra must be an object, got a list",
    ),
    "extra values": (
        ("request", "userInfo", "extra", {"a": "b"}),
        "request.userInfo.extra['a'] must be a list of strings, got \"b\"",
    ),
    "object": (
        ("request", "object", "x" * 200),
        f'request.object must be an object, got "{"x" * 79}...',
    ),
    "oldObject": (("request", "oldObject", 1), "request.oldObject must be an object, got 1"),
    "metadata": (
        ("request", "object", "metadata", "web"),
        'request.object.metadata must be an object, got "web"',
    ),
    "labels": (
        ("request", "object", "metadata", {"labels": ["a"]}),
        "request.object.metadata.labels must be an object, got a list",
    ),
    "label": (
        ("request", "object", "metadata", {"labels": {"a": 1}}),
        "request.object.metadata.labels['a'] must be a string, got 1",
    ),
    "annotation": (
        ("request", "object", "metadata", {"annotations": {"a/b": None}}),
        "request.object.metadata.annotations['a/b'] must be a string, got null",
    ),
    "object name": (
        ("request", "object", "metadata", {"name": {}}),
        "request.object.metadata.name must be a string, got an object",
    ),
    "dryRun": (("request", "dryRun", "true"), 'request.dryRun must be true or false, got "true"'),
    "options": (("request", "options", "x"), 'request.options must be an object, got "x"'),
}


@pytest.mark.parametrize(("tweak", "message"), REFUSED.values(), ids=REFUSED)
def test_review_of_another_shape_is_refused(tweak: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BadReview) as refused:
        decode(body(*tweak))
    assert str(refused.value) == message
