"""AdmissionReview bytes to AdmissionRequest, Decision to AdmissionReview bytes.

Checks the shape of everything that the core reads, so that nothing inside has to check it again.
Knows no rule, no policy and no HTTP: whatever is wrong with a review is one `BadReview`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from webhook.model import (
    NOTHING,
    AdmissionRequest,
    Deadline,
    Decision,
    GroupVersionKind,
    GroupVersionResource,
    Json,
    UserInfo,
)
from webhook.objects.patch import diff

API_VERSIONS = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")

_OBJECTS = {
    "CREATE": (True, False),
    "UPDATE": (True, True),
    "DELETE": (False, True),
    "CONNECT": (True, False),
}
"""Operation → whether it comes with `object` and with `oldObject`."""

_NAMED = (
    ("kind", "kind"),
    ("resource", "resource"),
    ("requestKind", "kind"),
    ("requestResource", "resource"),
)
"""Members that name a kind or a resource, and the last part of such a name."""

_MAX_INT = 2**63 - 1
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19  # the shortest token that can pass 2**63 - 1
_CODES = {"Invalid": 422, "Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), " ")
_ANNOTATION_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


class BadReview(ValueError):  # noqa: N818 - the name says what it is about: the review, not us
    """The body is no AdmissionReview that can be judged; the text says where and why."""


def decode_review(body: bytes, received_at: float, deadline: Deadline) -> AdmissionRequest:
    """Return the request in an AdmissionReview of v1 or v1beta1.

    Fields that we do not know are ignored; of duplicate keys the last wins, as in the API server.
    Raises BadReview.
    """
    review = _parse(body)
    request = _member(review, "request", "", dict)
    if not _is_usual(request):
        _check(request)
    get = request.get
    kind, resource = _kind(request["kind"]), _resource(request["resource"])
    request_kind, request_resource = get("requestKind"), get("requestResource")
    return AdmissionRequest(
        uid=request["uid"],
        kind=kind,
        resource=resource,
        operation=request["operation"],
        name=get("name") or "",
        namespace=get("namespace") or "",
        sub_resource=get("subResource") or "",
        request_kind=None if request_kind is None else _kind(request_kind),
        request_resource=None if request_resource is None else _resource(request_resource),
        request_sub_resource=get("requestSubResource") or "",
        user_info=_user_info(request["userInfo"]),
        object=get("object"),
        old_object=get("oldObject"),
        dry_run=get("dryRun") or False,
        options=get("options"),
        wire=request,
        received_at=received_at,
        deadline=deadline,
        api_version=review["apiVersion"],
    )


def encode_review(
    request: AdmissionRequest,
    decision: Decision,
    mutating: bool,  # noqa: FBT001 - a fact about the entry that was called, not a choice
) -> bytes:
    """Return the AdmissionReview that answers the request with the decision.

    A patch goes out only where the API server takes one: allowed, mutating, not on DELETE, and
    something changed. Source: kubernetes-cel.md 1.3 to 1.5.
    """
    response: dict[str, Json] = {"uid": request.uid, "allowed": decision.allowed}
    if not decision.allowed:
        response["status"] = _status(decision)
    elif mutating:
        _add_patch(response, request, decision)
    if decision.warnings:
        response["warnings"] = _warnings(decision.warnings)
    if decision.audit_annotations:
        response["auditAnnotations"] = _annotations(decision.audit_annotations)
    review = {"apiVersion": request.api_version, "kind": "AdmissionReview", "response": response}
    try:
        return orjson.dumps(review)
    except orjson.JSONEncodeError:  # half of a surrogate pair, which CEL and Python can hold
        return orjson.dumps(_clean(review))


def _parse(body: bytes) -> dict[str, Any]:
    if not body:
        raise BadReview("the body is empty; an AdmissionReview is expected")
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadReview(f"the body is not valid JSON: {error}") from None
    if type(review) is not dict:
        raise BadReview(f"the body must be an AdmissionReview object, got {_shown(review)}")
    if review.get("kind") != "AdmissionReview":
        raise BadReview(f'kind must be "AdmissionReview", got {_found(review, "kind")}')
    if review.get("apiVersion") not in API_VERSIONS:
        allowed = " or ".join(API_VERSIONS)
        raise BadReview(f"apiVersion must be {allowed}, got {_found(review, 'apiVersion')}")
    if _LONG_NUMBER in body.translate(_DIGITS):
        _long_numbers_to_double(review)
    return review


def _long_numbers_to_double(review: Json) -> None:
    """Make doubles of the integers beyond int64 (kubernetes-cel.md 3.2).

    orjson does so itself from 2**64 on; a stack instead of recursion, because depth is foreign.
    """
    todo = [review]
    while todo:
        container = todo.pop()
        for key, value in container.items() if type(container) is dict else enumerate(container):
            if type(value) is int and value > _MAX_INT:
                container[key] = float(value)
            elif type(value) in {dict, list}:
                todo.append(value)


def _is_usual(request: dict[str, Any]) -> bool:
    """Tell whether the request has the shape that every API server sends.

    One quick look for the hot path: True promises that `_check` finds nothing, False promises
    nothing.
    """
    get = request.get
    user: Any = get("userInfo")
    obj, old = get("object"), get("oldObject")
    try:
        texts = [request["uid"] or None, user["username"], user.get("uid", "")]
        for key, last in _NAMED:
            named = request[key]
            texts += (named["group"], named["version"], named[last])
        texts += (get("name", ""), get("namespace", ""), get("subResource", ""))
        texts.append(get("requestSubResource", ""))
        for one in (obj, old):
            if one is not None:
                _collect_metadata(one["metadata"], texts)
        lists = [user.get("groups", []), *user.get("extra", {}).values()]
        for one in lists:
            texts.extend(one)
        fits = _OBJECTS[request["operation"]] == (obj is not None, old is not None)
    except (KeyError, TypeError, AttributeError):
        return False
    return (
        fits
        and set(map(type, texts)) == {str}
        and set(map(type, lists)) == {list}
        and type(get("dryRun")) is bool
        and type(get("options")) in {dict, type(None)}
    )


def _collect_metadata(metadata: dict[str, Any], texts: list[Any]) -> None:
    get = metadata.get
    texts += (get("name", ""), get("generateName", ""), get("namespace", ""))
    texts += get("labels", NOTHING).values()
    texts += get("annotations", NOTHING).values()


def _check(request: dict[str, Any]) -> None:
    """Raise BadReview with the first thing that is wrong, and where."""
    if not _text(request, "uid"):
        raise BadReview("request.uid must not be empty")
    operation = _text(request, "operation")
    if operation not in _OBJECTS:
        allowed = ", ".join(_OBJECTS)
        raise BadReview(f"request.operation must be one of {allowed}, got {_shown(operation)}")
    for key, last in _NAMED:
        if key in {"kind", "resource"} or request.get(key) is not None:  # v1beta1 of old: no others
            named = _member(request, key, "request", dict)
            for part in ("group", "version", last):
                _text(named, part, f"request.{key}")
    for key in ("name", "namespace", "subResource", "requestSubResource"):
        _optional_text(request, key)
    _check_objects(request, operation)
    _check_user_info(_member(request, "userInfo", "request", dict), "request.userInfo")
    if type(request.get("dryRun")) not in {bool, type(None)}:
        found = _shown(request["dryRun"])
        raise BadReview(f"request.dryRun must be true or false, got {found}")
    _optional_map(request, "options", "request")


def _check_objects(request: dict[str, Any], operation: str) -> None:
    wanted = _OBJECTS[operation]
    for key, is_wanted in zip(("object", "oldObject"), wanted, strict=True):
        value = _optional_map(request, key, "request")
        if value is not None:
            _check_metadata(value, f"request.{key}")
        if is_wanted and value is None and (key, operation) != ("oldObject", "UPDATE"):
            # reviews of UPDATE that people write by hand often lack the old object
            raise BadReview(f"request.{key} must be an object on {operation}, got null")
        if not is_wanted and value is not None:
            raise BadReview(f"request.{key} must be null on {operation}")


def _check_metadata(value: dict[str, Any], path: str) -> None:
    metadata = _optional_map(value, "metadata", path)
    if metadata is None:
        return  # the options of CONNECT and some subresources have none
    path = f"{path}.metadata"
    for key in ("labels", "annotations"):
        for name, text in (_optional_map(metadata, key, path) or {}).items():
            if type(text) is not str:
                raise BadReview(f"{path}.{key}[{name!r}] must be a string, got {_shown(text)}")
    for key in ("name", "generateName", "namespace"):
        _optional_text(metadata, key, path)


def _check_user_info(user: dict[str, Any], path: str) -> None:
    _optional_text(user, "username", path)
    _optional_text(user, "uid", path)
    _check_texts(user.get("groups"), f"{path}.groups")
    for key, value in (_optional_map(user, "extra", path) or {}).items():
        _check_texts(value, f"{path}.extra[{key!r}]")


def _check_texts(value: Json, path: str) -> None:
    if type(value) not in {list, type(None)}:
        raise BadReview(f"{path} must be a list of strings, got {_shown(value)}")
    for index, text in enumerate(value or ()):
        if type(text) is not str:
            raise BadReview(f"{path}[{index}] must be a string, got {_shown(text)}")


def _kind(value: Mapping[str, str]) -> GroupVersionKind:
    return _known_kind(value["group"], value["version"], value["kind"])


def _resource(value: Mapping[str, str]) -> GroupVersionResource:
    return _known_resource(value["group"], value["version"], value["resource"])


# The same few come again and again, and equal values may be one.
_known_kind = lru_cache(maxsize=4096)(GroupVersionKind)
_known_resource = lru_cache(maxsize=4096)(GroupVersionResource)


def _user_info(value: dict[str, Any]) -> UserInfo:
    extra = value.get("extra") or {}
    return UserInfo(
        value.get("username") or "",
        value.get("uid") or "",
        tuple(value.get("groups") or ()),
        tuple((key, tuple(extra[key] or ())) for key in sorted(extra)) if extra else (),
    )


def _text(value: dict[str, Any], key: str, path: str = "request") -> str:
    text: str = _member(value, key, path, str)
    return text


def _optional_text(value: dict[str, Any], key: str, path: str = "request") -> str:
    return "" if value.get(key) is None else _text(value, key, path)


def _optional_map(value: dict[str, Any], key: str, path: str) -> dict[str, Any] | None:
    return None if value.get(key) is None else _member(value, key, path, dict)


def _member(value: dict[str, Any], key: str, path: str, wanted: type) -> Any:
    member = value.get(key)
    if type(member) is wanted:
        return member
    where = f"{path}.{key}" if path else key
    what = "an object" if wanted is dict else "a string"
    raise BadReview(f"{where} must be {what}, got {_found(value, key)}")


def _found(value: dict[str, Any], key: str) -> str:
    return _shown(value[key]) if key in value else "nothing"


def _shown(value: Json) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = orjson.dumps(value).decode()
    return text if len(text) <= 80 else f"{text[:80]}..."


def _status(decision: Decision) -> dict[str, Json]:
    code = decision.code if decision.code >= 400 else _CODES.get(decision.reason, 422)
    status: dict[str, Json] = {"status": "Failure", "code": code}
    if decision.reason:
        status["reason"] = decision.reason
    if decision.message:
        status["message"] = decision.message
    if decision.details:
        status["details"] = dict(decision.details)
    return status


def _add_patch(response: dict[str, Json], request: AdmissionRequest, decision: Decision) -> None:
    if decision.object_after is request.object or request.operation == "DELETE":
        return
    patch = diff(request.object, decision.object_after)
    if patch:  # both keys or none: one without the other is a call failure
        response["patch"] = base64.b64encode(orjson.dumps(patch)).decode()
        response["patchType"] = "JSONPatch"


def _warnings(warnings: Iterable[str]) -> list[str]:
    """Return what the API server does not drop: it drops a text with a control character whole."""
    cleaned = (warning.translate(_CONTROL).strip() for warning in warnings)
    return list(dict.fromkeys(warning for warning in cleaned if warning))


def _annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    published: dict[str, str] = {}
    for key, value in annotations.items():
        published.setdefault(_annotation_key(key), value)
    return published


def _annotation_key(key: str) -> str:
    """Return the key, or a valid one made of it: the API server drops others with a log line."""
    if _ANNOTATION_KEY.fullmatch(key):
        return key
    digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:8]
    readable = re.sub(r"[^A-Za-z0-9_.-]", ".", key)[:54].strip("_.-")
    return f"{readable}.{digest}" if readable else digest


def _clean(value: Json) -> Json:
    """Return the value with each half of a surrogate pair replaced by U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
