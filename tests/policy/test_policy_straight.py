"""The short way for policies that admit: it never says anything that the long way does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import deployment, namespace, request
from tests.policy import policies
from tests.policy.policies import EVERYTHING, binding
from webhook.model import Access, Facts, Get, NeedFacts
from webhook.policy.judging import Work, prepare
from webhook.policy.model import Policy
from webhook.policy.validating import build_policy_set, validate

FACTS = Facts({Get("v1", "Namespace", "", "shop"): namespace()})
THREE_DEEP = "l.all(a, l.all(b, l.all(c, a + b + c >= 0)))".replace("l", "object.spec.many")
EXPRESSIONS: dict[str, str] = {
    "true": "object.spec.replicas == 3",
    "false": "object.spec.replicas == 4",
    "error": "object.spec.nothing == 4",
    "absorbed error": "object.spec.nothing == 4 || object.spec.replicas == 3",
    "not a bool at run time": "dyn(object.spec.replicas) == true || false",
    "over the limit of a call": THREE_DEEP,
    "near the limit of a call": "object.spec.many.all(a, object.spec.many.all(b, a + b >= 0))",
}
ASKED = request({**deployment(replicas=3), "spec": {"replicas": 3, "many": list(range(200))}})


def policy(name: str = "p", **spec: Any) -> Policy:
    return policies.policy(name, matchConstraints={"resourceRules": [EVERYTHING]}, **spec)


def checking(*expressions: str, **spec: Any) -> Policy:
    return policy(validations=[{"expression": one, **spec} for one in expressions])


def without_short_way(one: Policy) -> Work:
    return replace(prepare(one), straight=None)


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_both_ways_give_the_same_outcome(expression: str) -> None:
    first, second = policy("a", validations=[{"expression": "true"}]), checking(expression)
    bindings = [binding("a", "a"), binding()]
    short = validate(ASKED, build_policy_set([first, second], bindings), FACTS)
    long = validate(ASKED, build_policy_set([first, second], bindings, without_short_way), FACTS)
    assert short == long


STRAIGHT: dict[str, tuple[Policy, int]] = {
    "plain validations": (checking("true", "object.spec.replicas > 1"), 2),
    "the request": (checking("request.operation == 'CREATE'"), 1),
    "the Namespace": (checking("has(namespaceObject.metadata)"), 0),
    "the authorizer": (checking("authorizer.path('/').check('get').allowed()"), 0),
    "variables": (
        policy(
            variables=[{"name": "x", "expression": "1"}],
            validations=[{"expression": "variables.x == 1"}],
        ),
        0,
    ),
    "matchConditions": (
        policy(
            matchConditions=[{"name": "c", "expression": "true"}],
            validations=[{"expression": "true"}],
        ),
        0,
    ),
    "auditAnnotations": (
        policy(
            auditAnnotations=[{"key": "k", "valueExpression": "'v'"}],
            validations=[{"expression": "true"}],
        ),
        0,
    ),
}


@pytest.mark.parametrize(("one", "count"), STRAIGHT.values(), ids=STRAIGHT)
def test_what_may_take_the_short_way(one: Policy, count: int) -> None:
    straight = prepare(one).straight
    assert len(straight[0] if straight else ()) == count


def test_many_messages_take_the_long_way_when_budgets_could_show() -> None:
    """Ten messages that may cost a million each leave nothing for the validations."""
    one = checking(*["true"] * 10, messageExpression="'x'")
    assert validate(ASKED, build_policy_set([one], [binding()]), FACTS).violations == ()


def test_what_leaves_too_little_for_its_messages_takes_the_long_way() -> None:
    """Nine messages leave 100,000, and one validation alone costs more."""
    near = EXPRESSIONS["near the limit of a call"]
    one = checking(near, *["true"] * 8, messageExpression="'x'")
    short = validate(ASKED, build_policy_set([one], [binding()]), FACTS)
    assert short == validate(ASKED, build_policy_set([one], [binding()], without_short_way), FACTS)


def test_missing_facts_of_all_policies_are_still_raised_together() -> None:
    expression = "authorizer.group('').resource('pods').check('{}').allowed()"
    some = [
        policy(name, validations=[{"expression": expression.format(verb)}])
        for name, verb in (("a", "get"), ("b", "list"))
    ]
    bindings = [binding(name, name) for name in "ab"]
    with pytest.raises(NeedFacts) as need:
        validate(ASKED, build_policy_set(some, bindings), FACTS)
    assert {one.verb for one in need.value.lookups if isinstance(one, Access)} == {"get", "list"}
