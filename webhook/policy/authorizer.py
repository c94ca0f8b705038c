"""The `authorizer` of expressions: each check becomes one lookup of a SubjectAccessReview.

The facts keep an answer for the duration of a request, as upstream does for identical checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webhook.cel.functions.authorizer import Authorizer, Decision, PathCheck, ResourceCheck
from webhook.model import Access, AdmissionRequest, Facts, Unavailable, UserInfo


def authorizer_bindings(request: AdmissionRequest, facts: Facts) -> Mapping[str, Any]:
    """Return what `authorizer` and `authorizer.requestResource` are bound to."""

    def answer(check: PathCheck | ResourceCheck, verb: str) -> Decision:
        account = check.authorizer.service_account
        subject = (
            _in_order(request.user_info)
            if account is None
            else UserInfo(account.username, groups=account.groups)
        )
        return _decision(facts.look_up(Access(subject, verb, _attributes(check))))

    authorizer = Authorizer(answer)
    resource = request.original_resource
    check = ResourceCheck(
        authorizer,
        resource.group,
        resource.resource,
        request.sub_resource,
        request.namespace,
        request.name,
    )
    return {"authorizer": authorizer, "authorizer.requestResource": check}


def _in_order(user: UserInfo) -> UserInfo:
    """Return the user so that the order of groups and extras makes no difference."""
    return UserInfo(user.username, user.uid, tuple(sorted(user.groups)), tuple(sorted(user.extra)))


def _attributes(check: PathCheck | ResourceCheck) -> tuple[tuple[str, str], ...]:
    """Return the attributes with the names of the API, sorted, without empty ones."""
    if isinstance(check, PathCheck):
        return (("path", check.path),)
    attributes = {
        "fieldSelector": check.field_selector,
        "group": check.group,
        "labelSelector": check.label_selector,
        "name": check.name,
        "namespace": check.namespace,
        "resource": check.resource,
        "subresource": check.subresource,
    }
    return tuple((key, value) for key, value in attributes.items() if value)


def _decision(status: Any) -> Decision:
    """Return the decision in a SubjectAccessReview's status; no answer is an error, not a denial."""
    if isinstance(status, Unavailable):
        return Decision(allowed=False, error=status.reason)
    error = status.get("evaluationError")
    return Decision(bool(status.get("allowed")), status.get("reason") or "", error or None)
