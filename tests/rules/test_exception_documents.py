"""PolicyException documents: what is refused, where, and what is allowed instead."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from tests.rules.documents import item
from webhook.rules import RULES
from webhook.rules.exceptions import RULE_KINDS, WaivedKind, parse_exception

POLICY = {"kind": "ValidatingAdmissionPolicy", "name": "replicas"}
GOOD: dict[str, Any] = {
    "waives": [POLICY],
    "subject": {"users": ["alice"]},
    "match": {"namespaces": ["shop"]},
    "reason": "because",
    "ticket": "CHG-1",
    "expires": "2026-12-31T18:00:00Z",
}


def test_good_document_is_a_waiver() -> None:
    waiver, errors = parse_exception(item("PolicyException", "legacy", GOOD))
    assert errors == ()
    assert waiver is not None
    assert (waiver.name, waiver.ticket, waiver.expires) == ("legacy", "CHG-1", 1798740000.0)


def test_phase_off_is_no_waiver_and_no_error() -> None:
    assert parse_exception(item("PolicyException", "a", {**GOOD, "phase": "off"})) == (None, ())


def test_every_rule_may_be_waived_and_nothing_else() -> None:
    assert {rule.kind for rule in RULES} == set(RULE_KINDS)
    policies = {"ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"}
    assert set(get_args(WaivedKind)) == policies | set(RULE_KINDS)


BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown field": ({"until": "x"}, "spec.until", "unknown field"),
    "nothing waived": ({"waives": []}, "spec.waives", "must name a rule"),
    "documents of Propylon": (
        {"waives": [{"kind": "DeletionGrant", "name": "x"}]},
        "spec.waives[0].kind",
        "must be one of ValidatingAdmissionPolicy",
    ),
    "policy without a name": (
        {"waives": [{"kind": "MutatingAdmissionPolicy"}]},
        "spec.waives[0].name",
        "is required: which MutatingAdmissionPolicy",
    ),
    "no subject": ({"subject": {}}, "spec.subject", "must name users, groups"),
    "everybody": ({"subject": {"groups": ["*"]}}, "spec.subject.groups[0]", "everybody"),
    "service account without namespace": (
        {"subject": {"serviceAccounts": ["deployer"]}},
        "spec.subject.serviceAccounts[0]",
        'write "namespace:name"',
    ),
    "every service account": (
        {"subject": {"serviceAccounts": ["cd:deployer", "*:*"]}},
        "spec.subject.serviceAccounts[1]",
        'write "namespace:name"',
    ),
    "no match": ({"match": {"operations": ["CREATE"]}}, "spec.match", "must have namespaces"),
    "no reason": ({"reason": ""}, "spec.reason", "at least 1"),
    "no ticket": ({"ticket": ""}, "spec.ticket", "at least 1"),
    "no zone": ({"expires": "2026-12-31T18:00:00"}, "spec.expires", "must be a time like"),
}


@pytest.mark.parametrize(("change", "path", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_document_is_refused_at_its_place(
    change: dict[str, Any], path: str, message: str
) -> None:
    waiver, (error,) = parse_exception(item("PolicyException", "a", {**GOOD, **change}))
    assert waiver is None
    assert error.path == path
    assert message in error.message
