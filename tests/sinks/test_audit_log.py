"""What the audit log says of a decision, and what it keeps to itself."""

import logging
from dataclasses import replace

import pytest

from tests.builders import deployment, request
from webhook.model import Action, Decision, GroupVersionResource, Registration, Violation
from webhook.sinks.audit import AuditLog

ENTRY = Registration("policies.propylon.dev", "policies", mutating=False, stages=("policies",))
REQUEST = request(deployment())
ALLOW = Decision(allowed=True, digest="0123456789abcdef", object_after=REQUEST.object)
NO_LATEST = Violation("ValidatingAdmissionPolicy", "no latest", policy="tags", binding="tags")
DENY = replace(ALLOW, allowed=False, violations=(NO_LATEST,))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "propylon.audit")
    return caplog


def test_plain_allow_is_silent(log: pytest.LogCaptureFixture) -> None:
    AuditLog().put_nowait(REQUEST, ENTRY, ALLOW, 0.001)
    assert log.records == []


def test_denial_says_who_what_and_by_which_policy(log: pytest.LogCaptureFixture) -> None:
    AuditLog().put_nowait(REQUEST, ENTRY, DENY, 0.0015)
    (record,) = log.records
    fields = vars(record)
    expected = {
        "message": "denied",
        "entry": "policies.propylon.dev",
        "uid": REQUEST.uid,
        "user": "alice",
        "operation": "CREATE",
        "resource": "deployments.apps",
        "sub_resource": "",
        "namespace": "shop",
        "object": "web",
        "dry_run": False,
        "reasons": ["no latest"],
        "policies": ["tags"],
        "mutated_by": [],
        "digest": "01234567",
        "milliseconds": 1.5,
    }
    assert {key: fields[key] for key in expected} == expected


@pytest.mark.parametrize(
    "decision",
    [
        replace(ALLOW, mutated_by=("EnvInjection/identity",)),
        replace(ALLOW, violations=(replace(NO_LATEST, action=Action.WARN),)),
    ],
    ids=["mutation", "warning"],
)
def test_what_is_not_a_plain_allow_is_logged(
    log: pytest.LogCaptureFixture, decision: Decision
) -> None:
    AuditLog().put_nowait(REQUEST, ENTRY, decision, 0.001)
    assert [record.message for record in log.records] == ["allowed"]


def test_what_failed_is_no_denial(log: pytest.LogCaptureFixture) -> None:
    AuditLog().put_nowait(REQUEST, ENTRY, replace(ALLOW, allowed=False, failed=True), 0.001)
    assert [record.message for record in log.records] == ["failed"]


def test_protection_has_its_record(log: pytest.LogCaptureFixture) -> None:
    """The record of platform-rules E.10."""
    entry = (
        '[{"decision":"override","kind":"Deployment","uid":"u","by":"grant DeletionGrant/move"}]'
    )
    decision = replace(
        ALLOW,
        violations=(replace(NO_LATEST, action=Action.AUDIT),),
        audit_annotations={"protect": entry},
        overridden_by=("DeletionGrant/move",),
    )
    AuditLog().put_nowait(REQUEST, ENTRY, decision, 0.001)
    fields = vars(log.records[0])
    assert fields["protect"][0]["by"] == "grant DeletionGrant/move"
    assert fields["overridden_by"] == ["DeletionGrant/move"]
    assert len(fields["groups_hash"]) == 16


def test_texts_about_a_secret_are_left_out(log: pytest.LogCaptureFixture) -> None:
    """CEL can put the Secret's data into a message."""
    secret = replace(REQUEST, resource=GroupVersionResource("", "v1", "secrets"))
    AuditLog().put_nowait(secret, ENTRY, DENY, 0.001)
    assert vars(log.records[0])["reasons"] == []
    assert "no latest" not in log.text
