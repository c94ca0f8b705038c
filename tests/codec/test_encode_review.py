"""Decision to bytes: what the API server takes, keeps, drops or refuses (kubernetes-cel 1.3-1.5)."""

import base64
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest

from tests.codec.reviews import body
from webhook.codec import decode_review, encode_review
from webhook.model import NEVER, AdmissionRequest, Decision

REQUEST = decode_review(body(), 0.0, NEVER)
UID = REQUEST.uid
CHANGED = {**REQUEST.object, "spec": {"replicas": 5}}
PATCH = [{"op": "replace", "path": "/spec/replicas", "value": 5}]
ALLOW = Decision(allowed=True, digest="d1", object_after=REQUEST.object)
DENY = Decision(allowed=False, digest="d1", object_after=REQUEST.object)


def response(request: AdmissionRequest, decision: Decision, *, mutating: bool) -> dict[str, Any]:
    review = orjson.loads(encode_review(request, decision, mutating))
    assert review.pop("apiVersion") == request.api_version
    assert review.pop("kind") == "AdmissionReview"
    answer: dict[str, Any] = review.pop("response")
    assert not review
    assert answer.pop("uid") == UID
    return answer


DELETE = replace(REQUEST, operation="DELETE", object=None, old_object=REQUEST.object)
MUTATED = replace(ALLOW, object_after=CHANGED)
SAME_AGAIN = replace(ALLOW, object_after={**REQUEST.object})

# decision, mutating entry, expected answer without uid; the patch is decoded
ANSWERS: dict[str, tuple[Decision, bool, dict[str, Any]]] = {
    "validating allow": (ALLOW, False, {"allowed": True}),
    "mutating allow, nothing changed": (ALLOW, True, {"allowed": True}),
    "mutating allow, equal copy": (SAME_AGAIN, True, {"allowed": True}),
    "mutating allow, changed": (
        MUTATED,
        True,
        {"allowed": True, "patch": PATCH, "patchType": "JSONPatch"},
    ),
    "validating never patches": (MUTATED, False, {"allowed": True}),
    "a denial never patches": (
        replace(DENY, object_after=CHANGED),
        True,
        {"allowed": False, "status": {"status": "Failure", "code": 422}},
    ),
    "an allow has no status": (
        replace(ALLOW, message="m", reason="r", code=403),
        False,
        {"allowed": True},
    ),
    "denial with everything": (
        replace(
            DENY, message="no", reason="Forbidden", code=403, details={"name": "web", "causes": []}
        ),
        False,
        {
            "allowed": False,
            "status": {
                "status": "Failure",
                "code": 403,
                "reason": "Forbidden",
                "message": "no",
                "details": {"name": "web", "causes": []},
            },
        },
    ),
    "warnings on an allow": (
        replace(ALLOW, warnings=("a", "b")),
        False,
        {"allowed": True, "warnings": ["a", "b"]},
    ),
    "annotations": (
        replace(ALLOW, audit_annotations={"env": "{}"}),
        False,
        {"allowed": True, "auditAnnotations": {"env": "{}"}},
    ),
}


@pytest.mark.parametrize(("decision", "mutating", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answer_is(decision: Decision, mutating: bool, expected: dict[str, Any]) -> None:
    answer = response(REQUEST, decision, mutating=mutating)
    if "patch" in answer:
        answer["patch"] = orjson.loads(base64.b64decode(answer["patch"], validate=True))
    assert answer == expected


def test_delete_is_never_patched() -> None:
    assert response(DELETE, MUTATED, mutating=True) == {"allowed": True}


def test_v1beta1_is_answered_in_v1beta1() -> None:
    request = replace(REQUEST, api_version="admission.k8s.io/v1beta1")
    assert response(request, ALLOW, mutating=False) == {"allowed": True}


CODES = {
    "Invalid": 422,
    "Forbidden": 403,
    "Unauthorized": 401,
    "RequestEntityTooLarge": 413,
    "Whatever": 422,
    "": 422,
}


@pytest.mark.parametrize("reason", CODES)
@pytest.mark.parametrize("given", [0, 200, 399])
def test_denial_without_code_gets_that_of_its_reason(reason: str, given: int) -> None:
    answer = response(REQUEST, replace(DENY, reason=reason, code=given), mutating=False)
    assert answer["status"]["code"] == CODES[reason]


WARNINGS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "newline": (("a\nb",), ["a b"]),
    "tab, return, escape, DEL": (("a\tb\rc\x1bd\x7fe",), ["a b c d e"]),
    "C1 controls": (("a\x85b\x9fc",), ["a b c"]),
    "at the ends": (("\na\n",), ["a"]),
    "empty": (("", "\n", "x"), ["x"]),
    "duplicates": (("a", "b", "a"), ["a", "b"]),
    "equal once cleaned": (("a\nb", "a b"), ["a b"]),
    "other scripts": (("空间 – größer",), ["空间 – größer"]),
    "half a surrogate pair": (("a\ud800b",), ["a\ufffdb"]),
}


@pytest.mark.parametrize(("warnings", "expected"), WARNINGS.values(), ids=WARNINGS)
def test_warning_survives_the_api_server(warnings: tuple[str, ...], expected: list[str]) -> None:
    assert (
        response(REQUEST, replace(ALLOW, warnings=warnings), mutating=False)["warnings"] == expected
    )


KEYS = {
    "validation_failure": "validation_failure",
    "a.b-c_d": "a.b-c_d",
    "x" * 63: "x" * 63,
    "policy/key": r"policy\.key\.[0-9a-f]{8}",
    "_private": r"private\.[0-9a-f]{8}",
    "x" * 64: r"x{54}\.[0-9a-f]{8}",
    "": r"[0-9a-f]{8}",
    "//": r"[0-9a-f]{8}",
    "größe": r"gr\.\.e\.[0-9a-f]{8}",
    "half \ud800": r"half\.[0-9a-f]{8}",
}


@pytest.mark.parametrize("key", KEYS)
def test_annotation_key_becomes(key: str) -> None:
    answer = response(REQUEST, replace(ALLOW, audit_annotations={key: "v"}), mutating=False)
    (published,) = answer["auditAnnotations"]
    assert re.fullmatch(KEYS[key], published)


def test_texts_with_half_a_surrogate_pair_are_sent() -> None:
    decision = replace(DENY, message="a\udc00", details={"causes": [{"message": "\ud83d"}], "n": 1})
    status = response(REQUEST, decision, mutating=False)["status"]
    assert status["message"] == "a\ufffd"
    assert status["details"] == {"causes": [{"message": "\ufffd"}], "n": 1}
