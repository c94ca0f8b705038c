"""Decisions of policies, with upstream's texts (kubernetes-cel.md 2.2, 2.5, 2.7, 2.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.builders import deployment, namespace, pod, request
from tests.policy.policies import (
    FAILING,
    PODS,
    Scripted,
    Value,
    binding,
    expression_of,
    judge,
    messages,
    policy,
    scripted,
)
from webhook.model import (
    Action,
    Facts,
    Get,
    NeedFacts,
    Scope,
    Unavailable,
    Violation,
)
from webhook.policy import Policy, build_policy_set, validate
from webhook.policy.evaluating import OUT_OF_BUDGET
from webhook.policy.model import AuditAnnotation, MatchCondition, Validation, Variable

POD = pod()
DENIED = "ValidatingAdmissionPolicy 'p' with binding 'b-p' denied request: "
ERROR = "expression 'object.spec.nothing == 1' resulted in error: no such key: nothing"
BROKEN = {"expression": "object.spec.nothing == 1"}


def checks(*some: Value, **spec: Any) -> Policy:
    return policy(validations=list(some), **spec)


def failing(**fields: Any) -> Policy:
    return checks({"expression": "1 > 2", **fields})


LONG = "x" * 5120
VALIDATIONS: dict[str, tuple[Policy, list[str]]] = {
    "true": (checks({"expression": "object.metadata.name == 'web'"}), []),
    "false without message": (checks({"expression": "\n 1 > 2 "}), ["failed expression: 1 > 2"]),
    "false with message": (failing(message=" no way\n"), ["no way"]),
    "all are evaluated": (
        checks({"expression": "1 > 2", "message": "a"}, BROKEN, {"expression": "1 < 2"}, BROKEN),
        ["a", ERROR, ERROR],
    ),
    "error under Fail": (checks(BROKEN), [ERROR]),
    "error under Ignore": (checks(BROKEN, failurePolicy="Ignore"), []),
    "false under Ignore": (
        checks({"expression": "1 > 2", "message": "a"}, BROKEN, failurePolicy="Ignore"),
        ["a"],
    ),
    "a text is quoted as it was written": (
        checks({"expression": " object.x ==\n  1 "}),
        ["expression ' object.x ==\n  1 ' resulted in error: no such key: x"],
    ),
    "no compiling": (
        checks({"expression": "nothing > 1"}),
        [
            (
                "compilation error: compilation failed: ERROR: <input>:1:1: undeclared reference to "
                "'nothing' (in container '')\n | nothing > 1\n | ^"
            )
        ],
    ),
    "no compiling under Ignore": (checks({"expression": "nothing"}, failurePolicy="Ignore"), []),
    "no bool": (
        checks({"expression": "object.spec.x"}),
        ["compilation error: must evaluate to bool but got dyn"],
    ),
    "messageExpression": (failing(message="m", messageExpression="'a' + 'b'"), ["ab"]),
    "messageExpression with what is bound": (
        failing(messageExpression="object.metadata.name + ' ' + request.operation"),
        ["web CREATE"],
    ),
    "messageExpression of a passed validation": (
        checks({"expression": "1 < 2", "messageExpression": "'x'"}),
        [],
    ),
    "messageExpression is trimmed": (failing(messageExpression=r"' \t a\r\n'"), ["a"]),
    "messageExpression of white space": (
        failing(message="m", messageExpression=r"' \u2003\u0085\n'"),
        ["m"],
    ),
    "U+001C is no white space": (failing(messageExpression=r"'\u001c'"), ["\x1c"]),
    "messageExpression with a line feed": (
        failing(message="m", messageExpression=r"'a\nb'"),
        ["m"],
    ),
    "messageExpression with a carriage return": (
        failing(message="m", messageExpression=r"'a\rb'"),
        ["a\rb"],
    ),
    "messageExpression of 5120 bytes": (failing(messageExpression=f"'{LONG}'"), [LONG]),
    "messageExpression of 5121 bytes": (
        failing(message="m", messageExpression=f"'{LONG[:5118]}€'"),
        ["m"],
    ),
    "messageExpression with an error": (
        failing(message="m", messageExpression="string(object.nothing)"),
        ["m"],
    ),
    "messageExpression that does not compile": (
        failing(message="m", messageExpression="nothing"),
        ["m"],
    ),
    "messageExpression and an error of the validation": (
        checks({**BROKEN, "messageExpression": "'x'"}),
        [ERROR],
    ),
}


@pytest.mark.parametrize(("one", "expected"), VALIDATIONS.values(), ids=VALIDATIONS)
def test_validation(one: Policy, expected: list[str]) -> None:
    assert messages(judge(request(POD), one)) == [DENIED + text for text in expected]


REASONS = {
    "": ("Invalid", 422),
    "Invalid": ("Invalid", 422),
    "Forbidden": ("Forbidden", 403),
    "Unauthorized": ("Unauthorized", 401),
    "RequestEntityTooLarge": ("RequestEntityTooLarge", 413),
}


@pytest.mark.parametrize(("written", "expected"), REASONS.items(), ids=REASONS)
def test_reason_and_code(written: str, expected: tuple[str, int]) -> None:
    (found,) = judge(request(POD), failing(reason=written or None)).violations
    assert (found.reason, found.code) == expected


def test_reason_of_an_error_is_invalid() -> None:
    (found,) = judge(request(POD), checks({**BROKEN, "reason": "Forbidden"})).violations
    assert (found.reason, found.code) == ("Invalid", 422)


def test_denial_as_a_whole() -> None:
    outcome = judge(request(deployment()), policy(matchConstraints=APPS))
    text = f"{DENIED}no"
    assert outcome.violations == (
        Violation(
            origin="ValidatingAdmissionPolicy",
            message=text,
            action=Action.DENY,
            reason="Invalid",
            code=422,
            policy="p",
            binding="b-p",
            details={
                "name": "web",
                "group": "apps",
                "kind": "deployments",
                "causes": [{"message": text}],
            },
        ),
    )
    assert (outcome.warnings, dict(outcome.audit_annotations)) == ((), {})


APPS = {"resourceRules": [{**PODS, "apiGroups": ["apps"], "resources": ["deployments"]}]}
NAMES: dict[str, tuple[Any, str]] = {
    "name": (request(POD), "web"),
    "metadata.name": (request(POD, name=""), "web"),
    "generateName": (
        request({**POD, "metadata": {"generateName": "web-", "namespace": "shop"}}),
        "web-",
    ),
    "Unknown": (request({**POD, "metadata": {"namespace": "shop"}}), "Unknown"),
    "no metadata": (request({"apiVersion": "v1", "kind": "Pod"}), "Unknown"),
    "deleted": (request(old=POD, operation="DELETE"), "web"),
    "no object at all": (request(old=POD, operation="DELETE", name=""), "Unknown"),
}


@pytest.mark.parametrize(("received", "expected"), NAMES.values(), ids=NAMES)
def test_name_in_the_details(received: Any, expected: str) -> None:
    (found,) = judge(received, failing(message="m")).violations
    assert found.details is not None
    assert (found.details["name"], found.details["kind"]) == (expected, "pods")
    assert "group" not in found.details


def conditions(*some: str, **spec: Any) -> Policy:
    named = [{"name": f"c{at}", "expression": text} for at, text in enumerate(some)]
    return policy(matchConditions=named, **spec)


BAD = "object.nothing == 1"
BAD_TEXT = "expression 'object.nothing == 1' resulted in error: no such key: nothing"
OTHER = "object.other == 1"
OTHER_TEXT = "expression 'object.other == 1' resulted in error: no such key: other"
CONDITIONS: dict[str, tuple[Policy, list[str]]] = {
    "true": (conditions("1 < 2", "2 < 3"), ["no"]),
    "one false": (conditions("1 < 2", "1 > 2"), []),
    "false and an error": (conditions(BAD, "1 > 2", OTHER), []),
    "an error under Fail": (conditions("1 < 2", BAD), [BAD_TEXT]),
    "the same error twice": (conditions(BAD, BAD), [BAD_TEXT]),
    "two errors": (conditions(BAD, OTHER), [f"[{BAD_TEXT}, {OTHER_TEXT}]"]),
    "an error under Ignore": (conditions(BAD, failurePolicy="Ignore"), []),
    "no compiling": (
        conditions("object"),
        ["compilation error: must evaluate to bool but got dyn"],
    ),
    "namespaceObject is null": (conditions("namespaceObject == null"), ["no"]),
    "oldObject": (conditions("oldObject == null && object != null"), ["no"]),
}


@pytest.mark.parametrize(("one", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_match_conditions(one: Policy, expected: list[str]) -> None:
    assert messages(judge(request(POD), one)) == [DENIED + text for text in expected]


def test_conditions_of_several_policies() -> None:
    some = (conditions("1 < 2"), replace(conditions("request.operation == 'CREATE'"), name="q"))
    assert [one.policy for one in judge(request(POD), some).violations] == ["p", "q"]


def test_resource_in_conditions_is_the_one_asked_for() -> None:
    received = request(POD)
    asked = replace(received.resource, version="v0")
    converted = replace(received, request_resource=asked)
    text = "request.resource.version == 'v{}'"
    one = conditions(
        text.format(0),
        validations=[{"expression": text.format(0), "messageExpression": text.format(1)}],
    )
    (found,) = judge(converted, one).violations
    assert "failed expression: request.resource.version == 'v0'" in found.message


BINDINGS: dict[str, tuple[str, list[str]]] = {
    "object": ("object.metadata.name == 'web'", []),
    "oldObject": ("oldObject.metadata.name == 'web'", []),
    "request": ("request.userInfo.username == 'alice' && request.operation == 'UPDATE'", []),
    "request has no objects": ("dyn(request).object == null && dyn(request).uid == ''", []),
    "namespaceObject": ("namespaceObject.metadata.labels['team'] == 'a'", []),
    "namespaceObject has few fields": ("!has(dyn(namespaceObject).metadata.managedFields)", []),
    "namespaceObject has all parts": ("!has(namespaceObject.status.phase)", []),
    "uid of the Namespace": ("dyn(namespaceObject).metadata.uid == 'u'", []),
}


@pytest.mark.parametrize(("text", "expected"), BINDINGS.values(), ids=BINDINGS)
def test_what_is_bound(text: str, expected: list[str]) -> None:
    shop = namespace(labels={"team": "a"})
    shop["metadata"] |= {"managedFields": [], "uid": "u"}
    received = request(POD, old=POD, operation="UPDATE")
    answers = {Get("v1", "Namespace", "", "shop"): shop}
    assert messages(judge(received, checks({"expression": text}), answers=answers)) == expected


def test_namespace_object_is_null_for_namespaces() -> None:
    constraints = {"resourceRules": [{**PODS, "resources": ["namespaces"]}]}
    one = checks({"expression": "namespaceObject == null"}, matchConstraints=constraints)
    received = request(namespace(), namespace="shop")
    assert (
        validate(received, build_policy_set([one], [binding("b", "p")]), Facts()).violations == ()
    )


def test_missing_namespace_fails_the_whole_request() -> None:
    some = (failing(message="a"), replace(failing(message="b"), name="q", failure_policy="Ignore"))
    both = (binding("b1", "p", validationActions=["Audit"]), binding("b2", "q"))
    lookup = Get("v1", "Namespace", "", "shop")
    outcome = judge(request(POD), some, both, answers={lookup: None})
    assert outcome.violations == (
        Violation(
            "ValidatingAdmissionPolicy",
            'namespaces "shop" not found',
            reason="NotFound",
            code=404,
            details={"name": "shop", "kind": "namespaces"},
        ),
    )


def test_unavailable_namespace_is_an_error_of_the_binding() -> None:
    some = (failing(), replace(failing(), name="q", failure_policy="Ignore"))
    lookup = Get("v1", "Namespace", "", "shop")
    outcome = judge(request(POD), some, answers={lookup: Unavailable("no answer")})
    text = "failed to configure binding: Internal error occurred: no answer"
    assert messages(outcome) == [DENIED + text]


ACTIONS: dict[str, tuple[list[str], list[tuple[Action, str]], list[str], bool]] = {
    "Deny": (["Deny"], [(Action.DENY, f"{DENIED}m")], [], False),
    "Warn": (
        ["Warn"],
        [(Action.WARN, "m")],
        ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b-p': m"],
        False,
    ),
    "Audit": (["Audit"], [(Action.AUDIT, "m")], [], True),
    "Deny and Audit": (
        ["Deny", "Audit"],
        [(Action.DENY, f"{DENIED}m"), (Action.AUDIT, "m")],
        [],
        True,
    ),
    "Warn and Audit": (
        ["Warn", "Audit"],
        [(Action.WARN, "m"), (Action.AUDIT, "m")],
        ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b-p': m"],
        True,
    ),
}


@pytest.mark.parametrize(
    ("actions", "violations", "warnings", "audited"), ACTIONS.values(), ids=ACTIONS
)
def test_actions(
    actions: list[str], violations: list[tuple[Action, str]], warnings: list[str], audited: bool
) -> None:
    outcome = judge(request(POD), failing(message="m"), binding("b-p", validationActions=actions))
    assert [(one.action, one.message) for one in outcome.violations] == violations
    assert list(outcome.warnings) == warnings
    assert ("validation_failure" in outcome.audit_annotations) is audited
    assert outcome.object is POD


def test_errors_go_through_the_actions() -> None:
    outcome = judge(request(POD), checks(BROKEN), binding("b-p", validationActions=["Warn"]))
    assert [one.action for one in outcome.violations] == [Action.WARN]
    assert ERROR in outcome.warnings[0]


def test_order_of_denials() -> None:
    """By policy, binding, parameter and validation, whatever the order of the documents."""
    some = (
        replace(checks({"expression": "1 > 2", "message": "1"}, BROKEN), name="q"),
        checks({"expression": "1 > 2", "message": "2"}),
    )
    bound = (binding("z", "q"), binding("y", "p"), binding("x", "q"))
    found = judge(request(POD), some, bound).violations
    assert [(one.policy, one.binding, one.message[-1]) for one in found] == [
        ("p", "y", "2"),
        ("q", "x", "1"),
        ("q", "x", "g"),
        ("q", "z", "1"),
        ("q", "z", "g"),
    ]


def test_nothing_matches() -> None:
    outcome = judge(request(deployment()), failing())
    assert (outcome.object["kind"], outcome.violations) == ("Deployment", ())


@dataclass
class Countdown:
    """A deadline that is over after some questions."""

    left: int

    def expired(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_past_the_deadline_the_rest_are_errors() -> None:
    some = tuple(
        replace(failing(message="m"), name=name, failure_policy=failure_policy)
        for name, failure_policy in (("a", "Fail"), ("b", "Fail"), ("c", "Ignore"))
    )
    known = {Get("v1", "Namespace", "", "shop"): namespace()}
    outcome = judge(request(POD, deadline=Countdown(1)), some, answers=known)
    assert [one.message.partition("request: ")[2] for one in outcome.violations] == [
        "m",
        "the deadline of the request passed before it was evaluated",
    ]


def test_past_the_deadline_sealed_facts_are_judged_all_the_same() -> None:
    """The last call comes after the deadline; only what misses something is an error."""
    maps = {"apiVersion": "v1", "kind": "ConfigMap"}
    some = (failing(message="m"), policy("q", paramKind=maps))
    ref = {"name": "n", "parameterNotFoundAction": "Allow"}
    policy_set = build_policy_set(some, [binding("b", "p"), binding("c", "q", paramRef=ref)])
    known = Facts({Get("v1", "Namespace", "", "shop"): namespace()}).sealed()
    outcome = validate(request(POD, deadline=Countdown(0)), policy_set, known)
    assert [one.message.partition("request: ")[2] for one in outcome.violations] == [
        "m",
        (
            "failed to configure binding: params of kind ConfigMap cannot be read: "
            "the deadline of the request passed"
        ),
    ]


def test_expression_that_would_run_for_minutes() -> None:
    huge = "[{}]".format(", ".join(map(str, range(100))))
    inner = f"{huge}.all(x, {huge}.all(y, {huge}.all(z, x + y + z >= 0)))"
    (text,) = messages(judge(request(POD), checks({"expression": inner})))
    assert text.endswith("resulted in error: operation cancelled: actual cost limit exceeded")


def test_missing_facts_of_all_policies_are_raised_together() -> None:
    widgets = {"apiVersion": "example.com/v1", "kind": "Widget"}
    by_name = {"name": "n", "parameterNotFoundAction": "Deny"}
    some = [
        failing(),
        policy("q", paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
        policy("r", paramKind=widgets),
    ]
    bound = [
        binding("b1", "p"),
        binding("b2", "q", paramRef=by_name),
        binding("b3", "q", matchResources={"namespaceSelector": {"matchLabels": {"a": "b"}}}),
        binding("b4", "r"),
    ]
    with pytest.raises(NeedFacts) as raised:
        validate(request(POD), build_policy_set(some, bound), Facts())
    assert raised.value.lookups == {
        Get("v1", "Namespace", "", "shop"),
        Get("v1", "ConfigMap", "shop", "n"),
        Scope("example.com/v1", "Widget"),
    }


def test_need_facts_inside_an_expression_is_not_an_error() -> None:
    lookup = Get("v1", "ConfigMap", "", "x")
    need = NeedFacts(frozenset((lookup,)))
    one = replace(policy(), validations=(Validation(scripted(need)),))
    known = Facts({Get("v1", "Namespace", "", "shop"): namespace()})
    with pytest.raises(NeedFacts) as raised:
        validate(request(POD), build_policy_set([one], [binding()]), known)
    assert raised.value.lookups == {lookup}


MILLION = 1_000_000


def budgeted(**parts: Any) -> Policy:
    return replace(policy(), **parts)


BUDGETS: dict[str, tuple[Policy, list[str]]] = {
    "validations": (
        budgeted(validations=(Validation(scripted(value=False, cost=MILLION), "m"),) * 11),
        [OUT_OF_BUDGET],
    ),
    "validations just inside": (
        budgeted(validations=(Validation(scripted(value=False, cost=MILLION), "m"),) * 10),
        ["m"] * 10,
    ),
    "an error that costs too much": (
        budgeted(validations=(Validation(scripted(FAILING, 10 * MILLION + 1), "m"),)),
        [OUT_OF_BUDGET],
    ),
    "validations under Ignore": (
        budgeted(
            validations=(Validation(scripted(value=False, cost=6 * MILLION), "m"),) * 2,
            failure_policy="Ignore",
        ),
        [],
    ),
    "matchConditions": (
        budgeted(match_conditions=(MatchCondition("c", scripted(value=True, cost=2_500_001)),)),
        [OUT_OF_BUDGET],
    ),
    "matchConditions just inside": (
        budgeted(match_conditions=(MatchCondition("c", scripted(value=True, cost=2_500_000)),)),
        ["no"],
    ),
    "matchConditions count for themselves": (
        budgeted(
            match_conditions=(MatchCondition("c", scripted(value=True, cost=2_000_000)),),
            validations=(Validation(scripted(value=False, cost=9 * MILLION), "m"),),
        ),
        ["m"],
    ),
    "messages get what the validations left": (
        budgeted(
            validations=(
                Validation(scripted(value=False, cost=9 * MILLION), "m", scripted("x", MILLION)),
                Validation(scripted(value=True)),
            )
        ),
        ["x"],
    ),
    "messages run out: all are errors, passed or not": (
        budgeted(
            validations=(
                Validation(scripted(value=True, cost=9 * MILLION), "m", scripted("x", MILLION + 1)),
                Validation(scripted(FAILING)),
                Validation(scripted(value=False), "m"),
            )
        ),
        [
            f"failed messageExpression: {OUT_OF_BUDGET}",
            "expression 'text' resulted in error: no such key: x",
            f"failed messageExpression: {OUT_OF_BUDGET}",
        ],
    ),
    "messages of what passed count": (
        budgeted(validations=(Validation(scripted(value=True), "m", scripted("x", MILLION)),) * 11),
        [f"failed messageExpression: {OUT_OF_BUDGET}"] * 11,
    ),
    "messages run out under Ignore: even a false one is admitted": (
        budgeted(
            validations=(
                Validation(
                    scripted(value=False, cost=9 * MILLION), "m", scripted("x", 2 * MILLION)
                ),
            ),
            failure_policy="Ignore",
        ),
        [],
    ),
    "variables count for the expression that reads them": (
        budgeted(
            variables=(Variable("v", scripted(1, 10 * MILLION + 1)),),
            validations=(Validation(scripted(lambda known: known["variables"]["v"] == 2), "m"),),
        ),
        [OUT_OF_BUDGET],
    ),
    "auditAnnotations have a budget of their own": (
        budgeted(
            validations=(Validation(scripted(value=False, cost=9 * MILLION), "m"),),
            audit_annotations=(AuditAnnotation("k", scripted("x", 9 * MILLION)),),
        ),
        ["m"],
    ),
    "auditAnnotations run out: one error in place of all decisions": (
        budgeted(
            validations=(Validation(scripted(value=False), "m"),) * 2,
            audit_annotations=(AuditAnnotation("k", scripted("x", 10 * MILLION + 1)),),
        ),
        [OUT_OF_BUDGET],
    ),
}


@pytest.mark.parametrize(("one", "expected"), BUDGETS.values(), ids=BUDGETS)
def test_budget(one: Policy, expected: list[str]) -> None:
    assert messages(judge(request(POD), one)) == [DENIED + text for text in expected]


def test_each_parameter_has_a_budget_of_its_own() -> None:
    maps = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": n, "namespace": "shop"}}
        for n in "ab"
    ]
    one = replace(
        policy(paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
        validations=(Validation(scripted(value=False, cost=9 * MILLION), "m"),),
    )
    ref = {"selector": {}, "parameterNotFoundAction": "Deny"}
    outcome = judge(request(POD), one, binding("b-p", paramRef=ref), tuple(maps))
    assert messages(outcome) == [f"{DENIED}m"] * 2


def test_messages_of_what_passed_are_not_evaluated_when_it_cannot_show() -> None:
    message = Scripted("x", 5)
    checked = Validation(scripted(value=True), "m", expression_of(message))
    one = budgeted(validations=(checked,))
    judge(request(POD), one)
    assert message.calls == 0
