"""For which requests a PolicyException holds: everything it names must fit, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import deployment, namespace, pod, request
from tests.rules.documents import item
from webhook.model import Action, AdmissionRequest, Outcome, Violation
from webhook.rules.exceptions import parse_exception
from webhook.rules.waiving import Subject, waive, without_denials

KIND = "ValidatingAdmissionPolicy"
SUBJECT = Subject(KIND, KIND)
EXPIRES = 1798740000.0
NOW = EXPIRES - 60
DENIAL = Violation(KIND, "no", policy="replicas")


def exception(**change: Any) -> Any:
    spec = {
        "waives": [{"kind": KIND, "name": "replicas"}],
        "subject": {"users": ["alice"]},
        "match": {"namespaces": ["shop"]},
        "reason": "because",
        "ticket": "CHG-1",
        "expires": "2026-12-31T18:00:00Z",
        **change,
    }
    waiver, errors = parse_exception(item("PolicyException", "legacy", spec))
    assert errors == ()
    return waiver


def asked(obj: Any = None, **fields: Any) -> AdmissionRequest:
    return request(obj or deployment(), **{"received_at": NOW, **fields})


def waived(of: AdmissionRequest, *denials: Violation, **change: Any) -> Outcome:
    found = Outcome(of.object, denials or (DENIAL,))
    return waive(of, found, SUBJECT, [exception(**change)], without_denials(SUBJECT))


GENERATED = pod(name="")
GENERATED["metadata"]["generateName"] = "web-5d4f-"
NAMELESS = pod(name="")
ACCOUNT = "system:serviceaccount:cd:deployer"

CASES: dict[str, tuple[AdmissionRequest, dict[str, Any], bool]] = {
    "all fits": (asked(), {}, True),
    "other user": (asked(user="bob"), {}, False),
    "group": (asked(user="bob", groups=("devs",)), {"subject": {"groups": ["dev*"]}}, True),
    "service account": (asked(user=ACCOUNT), {"subject": {"serviceAccounts": ["cd:*"]}}, True),
    "last second": (asked(received_at=EXPIRES - 0.1), {}, True),
    "expired": (asked(received_at=EXPIRES), {}, False),
    "no time known": (asked(received_at=0.0), {}, False),
    "other namespace": (asked(deployment(namespace="pay")), {}, False),
    "namespace glob": (asked(), {"match": {"namespaces": ["pay", "sh*"]}}, True),
    "cluster-scoped": (asked(namespace("shop")), {}, False),
    "kind": (asked(), {"match": {"kinds": ["Deployment"]}}, True),
    "kind with group": (asked(), {"match": {"kinds": ["Deployment.apps"]}}, True),
    "kind of another group": (asked(), {"match": {"kinds": ["Deployment.extensions"]}}, False),
    "other kind": (asked(pod()), {"match": {"kinds": ["Deployment"]}}, False),
    "operation": (asked(), {"match": {"kinds": ["Deployment"], "operations": ["CREATE"]}}, True),
    "other operation": (
        asked(operation="UPDATE"),
        {"match": {"kinds": ["Deployment"], "operations": ["CREATE"]}},
        False,
    ),
    "name": (asked(), {"match": {"names": ["api", "we*"]}}, True),
    "other name": (asked(), {"match": {"names": ["api"]}}, False),
    "name of one of many that are deleted": (
        request(old=deployment(), operation="DELETE", name="", received_at=NOW),
        {"match": {"names": ["web"]}},
        True,
    ),
    "name to be generated": (asked(GENERATED), {"match": {"names": ["web-*"]}}, True),
    "name that may be generated": (asked(GENERATED), {"match": {"names": ["web-5d4f-"]}}, False),
    "no name at all": (asked(NAMELESS), {"match": {"names": ["web*"]}}, False),
    "other policy": (asked(), {"waives": [{"kind": KIND, "name": "images"}]}, False),
    "same name of another kind": (
        asked(),
        {"waives": [{"kind": "MutatingAdmissionPolicy", "name": "replicas"}]},
        False,
    ),
    "any namespace": (asked(), {"match": {"namespaces": ["*"]}}, True),
}


@pytest.mark.parametrize(("of", "change", "expected"), CASES.values(), ids=CASES)
def test_exception_holds_for_what_it_names(
    of: AdmissionRequest, change: dict[str, Any], expected: bool
) -> None:
    outcome = waived(of, **change)
    assert (outcome.waived_by == ("legacy",)) is expected
    assert [one.action for one in outcome.violations] == [Action.AUDIT if expected else Action.DENY]


def test_use_is_recorded_and_told() -> None:
    outcome = waived(asked(), DENIAL, Violation(KIND, "no again", policy="replicas"))
    assert [(one.message, one.found, one.policy) for one in outcome.violations] == [
        ("no", "legacy", "replicas"),
        ("no again", "legacy", "replicas"),
    ]
    assert outcome.warnings == (
        "exception legacy (CHG-1) waives ValidatingAdmissionPolicy replicas; expires 2026-12-31",
    )


def test_long_names_leave_the_expiry_readable() -> None:
    (warning,) = waived(asked(), ticket="https://tickets.example/" + "x" * 200).warnings
    assert len(warning) == 120
    assert warning.endswith("expires 2026-12-31")


def test_other_denials_and_other_actions_stay() -> None:
    others = (
        Violation(KIND, "images", policy="images"),
        Violation(KIND, "warned", Action.WARN, policy="replicas"),
    )
    outcome = waived(asked(), DENIAL, *others)
    assert outcome.violations[:2] == others
    assert outcome.violations[2].found == "legacy"


def test_refusal_of_the_whole_request_is_nobodys() -> None:
    refusal = Violation(KIND, 'namespaces "shop" not found', code=404)
    assert waived(asked(), refusal).violations == (refusal,)


def test_nothing_denied_is_no_use() -> None:
    found = Outcome(None, warnings=("w",))
    assert waive(asked(), found, SUBJECT, [exception()], without_denials(SUBJECT)) is found
