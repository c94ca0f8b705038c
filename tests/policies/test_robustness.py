"""No shipped policy fails on an object that lacks something, and none is dear on a huge one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.policies.shipped import CEL, POLICIES
from webhook.cel import Budget
from webhook.model import NEVER, Document, Facts, Platform
from webhook.offline.cases import Case
from webhook.offline.requests import request_about
from webhook.offline.running import CLUSTER_NAME, Suite, judge_case, load_suites
from webhook.policy.activation import Activation
from webhook.policy.evaluating import STAGE_BUDGET, evaluate_all, stage_bindings
from webhook.policy.model import Policy
from webhook.registration import registrations
from webhook.snapshot import build
from webhook.sources.objects import plain_namespace

KEPT = ({"apiVersion", "kind", "metadata"}, {"name"})
"""Without these no request reaches a webhook: at the top, and below it."""
LARGE = 12
"""How often each list of a large object has its entries."""


def strict_suites() -> dict[str, Suite]:
    """Return the suites with policies that do not hide their errors behind failurePolicy Ignore."""
    suites, _ = load_suites(POLICIES)
    return {one.name: _strict(one) for one in suites if one.name in CEL}


def _strict(suite: Suite) -> Suite:
    text = suite.file.with_name("policy.yaml").read_text()
    document = Document(suite.name, text.replace("failurePolicy: Ignore", "failurePolicy: Fail"))
    snapshot = build([document], None, Platform(cluster_name=CLUSTER_NAME))
    return Suite(suite.file, suite.cases, snapshot, registrations(snapshot))


SUITES = strict_suites()


def without_one_thing(value: Any, depth: int = 0) -> Iterator[Any]:
    """Yield copies of a value, each without one field or entry of a list somewhere in it."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        if key not in KEPT[min(depth, 1)]:
            smaller = copy.copy(value)
            del smaller[key]
            yield smaller
        if isinstance(value[key], dict | list):
            for part in without_one_thing(value[key], depth + 1):
                changed = copy.copy(value)
                changed[key] = part
                yield changed


def partial_cases(suite: Suite) -> Iterator[Case]:
    """Yield the cases with objects that lack something, once for each kind and size."""
    seen = set()
    for case, _ in suite.cases:
        for field in ("object", "old_object"):
            value = getattr(case, field)
            key = (field, value and value["kind"], len(str(value)) // 40)
            if value and key not in seen:
                seen.add(key)
                for part in without_one_thing(value):
                    yield case.model_copy(update={field: part})


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_nothing_fails_on_partial_objects(suite: Suite) -> None:
    for case in partial_cases(suite):
        found = judge_case(case, suite).violations
        texts = [one.message for one in found if "resulted in error" in one.message]
        assert texts == [], case.object


def enlarged(value: Any) -> Any:
    """Return a value in which every list has its entries many times."""
    if isinstance(value, dict):
        return {key: enlarged(one) for key, one in value.items()}
    return [enlarged(one) for one in value] * LARGE if isinstance(value, list) else value


def spent(policy: Policy, case: Case) -> int:
    """Return what all validations and messages of a policy cost together."""
    old = enlarged(case.old_object)
    request = request_about(
        enlarged(case.object), old, operation=case.operation, fields=case.request
    )
    activation = Activation(request, Facts())
    activation.bind_namespace(plain_namespace("shop") | case.namespace)
    param = case.params[0] if case.params else None
    variables = {one.name: one.expression for one in policy.variables}
    budget = Budget(STAGE_BUDGET, NEVER)
    checks = [one.expression for one in policy.validations]
    texts = [one.message_expression for one in policy.validations if one.message_expression]
    conditions = [one.expression for one in policy.match_conditions]
    evaluate_all(conditions, activation.conditions, budget)
    evaluate_all(checks, stage_bindings(activation.full, param, variables, budget), budget)
    evaluate_all(texts, stage_bindings(activation.messages, param, variables, budget), budget)
    return STAGE_BUDGET - budget.remaining


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_a_huge_object_costs_little(suite: Suite) -> None:
    """The API server stops one expression at 1,000,000; here that is enough for everything."""
    (policy,) = suite.snapshot.policies
    assert isinstance(policy, Policy)
    assert max(spent(policy, case) for case, _ in suite.cases) < STAGE_BUDGET // 10
