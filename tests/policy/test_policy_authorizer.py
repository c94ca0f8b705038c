"""`authorizer` in policies: each check becomes a lookup (kubernetes-cel.md 4.13, 7)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import namespace, pod, request
from tests.policy.policies import binding, judge, messages, policy
from webhook.model import Access, Facts, Get, NeedFacts, Unavailable, UserInfo
from webhook.policy import build_policy_set, validate

USER = UserInfo("alice", groups=("system:authenticated",))
ROBOT = UserInfo(
    "system:serviceaccount:shop:robot",
    groups=("system:serviceaccounts", "system:serviceaccounts:shop"),
)
PODS_GET = "authorizer.group('').resource('pods').check('get')"

LOOKUPS: dict[str, tuple[str, Access]] = {
    "path": (
        "authorizer.path('/healthz').check('get')",
        Access(USER, "get", (("path", "/healthz"),)),
    ),
    "resource": (PODS_GET, Access(USER, "get", (("resource", "pods"),))),
    "everything": (
        (
            "authorizer.group('apps').resource('deployments').subresource('scale').namespace('n')"
            ".name('x').fieldSelector('a=b').labelSelector('c=d').check('update')"
        ),
        Access(
            USER,
            "update",
            (
                ("fieldSelector", "a=b"),
                ("group", "apps"),
                ("labelSelector", "c=d"),
                ("name", "x"),
                ("namespace", "n"),
                ("resource", "deployments"),
                ("subresource", "scale"),
            ),
        ),
    ),
    "service account": (
        "authorizer.serviceAccount('shop', 'robot').group('').resource('pods').check('list')",
        Access(ROBOT, "list", (("resource", "pods"),)),
    ),
    "requestResource": (
        "authorizer.requestResource.check('approve')",
        Access(USER, "approve", (("name", "web"), ("namespace", "shop"), ("resource", "pods"))),
    ),
}


@pytest.mark.parametrize(("text", "lookup"), LOOKUPS.values(), ids=LOOKUPS)
def test_check_becomes_a_lookup(text: str, lookup: Access) -> None:
    one = policy(validations=[{"expression": f"{text}.allowed()"}])
    facts = Facts({Get("v1", "Namespace", "", "shop"): namespace()})
    with pytest.raises(NeedFacts) as raised:
        validate(request(pod()), build_policy_set([one], [binding()]), facts)
    assert raised.value.lookups == {lookup}
    outcome = judge(request(pod()), one, answers={lookup: {"allowed": True}})
    assert outcome.violations == ()


ANSWERS: dict[str, tuple[Any, str, str, str, str]] = {
    "allowed": ({"allowed": True, "reason": "may"}, "true", "may", "false", ""),
    "denied": ({"allowed": False, "denied": True}, "false", "", "false", ""),
    "nothing said": ({}, "false", "", "false", ""),
    "error": ({"evaluationError": "boom"}, "false", "", "true", "boom"),
    "error and allowed": ({"allowed": True, "evaluationError": "b"}, "true", "", "true", "b"),
    "unavailable": (Unavailable("no answer"), "false", "", "true", "no answer"),
}


@pytest.mark.parametrize(
    ("status", "allowed", "reason", "errored", "error"), ANSWERS.values(), ids=ANSWERS
)
def test_answer(status: Any, allowed: str, reason: str, errored: str, error: str) -> None:
    one = policy(
        variables=[{"name": "d", "expression": PODS_GET}],
        validations=[
            {"expression": f"variables.d.allowed() == {allowed}"},
            {"expression": f"variables.d.reason() == '{reason}'"},
            {"expression": f"variables.d.errored() == {errored}"},
            {"expression": f"variables.d.error() == '{error}'"},
        ],
    )
    answers = {LOOKUPS["resource"][1]: status}
    assert messages(judge(request(pod()), one, answers=answers)) == []


def test_order_of_groups_and_extras_makes_no_difference() -> None:
    one = policy(validations=[{"expression": f"{PODS_GET}.allowed()"}])
    user = UserInfo("u", groups=("b", "a"), extra=(("y", ("1",)), ("x", ("2",))))
    sorted_user = UserInfo("u", groups=("a", "b"), extra=(("x", ("2",)), ("y", ("1",))))
    answers = {Access(sorted_user, "get", (("resource", "pods"),)): {"allowed": True}}
    assert judge(request(pod(), user_info=user), one, answers=answers).violations == ()
