"""What a record keeps, and what it never keeps."""

from typing import Any

import pytest

from webhook.ledger.records import Entry, name_of, outcome_of, record_of, redacted
from webhook.model import (
    Action,
    AdmissionRequest,
    Decision,
    GroupVersionKind,
    GroupVersionResource,
    Registration,
    UserInfo,
    Violation,
)

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "app", "image": "shop:1"}]},
}
ENTRY = Registration("policies.propylon.dev", "policies", mutating=False, stages=("policies",))


def request(resource: str = "pods", kind: str = "Pod", **fields: Any) -> AdmissionRequest:
    return AdmissionRequest(
        uid="u1",
        kind=GroupVersionKind("", "v1", kind),
        resource=GroupVersionResource("", "v1", resource),
        operation="CREATE",
        namespace="shop",
        user_info=UserInfo("alice", groups=("devs",)),
        received_at=1000.0,
        **{"object": POD, **fields},
    )


def record(asked: AdmissionRequest, decision: Decision) -> Any:
    return record_of(Entry(1, asked, ENTRY, decision, 0.0015), "token")


DENIAL = Violation(
    "ValidatingAdmissionPolicy", "no: tag", policy="tags", binding="all", path="spec"
)

OUTCOMES = {
    "allowed": (request(), Decision(True, "d", object_after=POD), None),
    "denied": (request(), Decision(False, "d", (DENIAL,), POD), "denied"),
    "warned": (request(), Decision(True, "d", object_after=POD, warnings=("w",)), "warned"),
    "failed": (request(), Decision(False, "d", failed=True), "failed"),
    "exempted": (
        request(),
        Decision(True, "d", object_after=POD, warnings=("w",), waived_by=("legacy",)),
        "exempted",
    ),
    "overridden": (
        request(),
        Decision(True, "d", object_after=POD, warnings=("w",), overridden_by=("breakglass",)),
        "overridden",
    ),
    "audited": (
        request(),
        Decision(True, "d", (Violation("p", "m", Action.AUDIT),), POD),
        "audited",
    ),
    "mutated": (request(), Decision(True, "d", object_after={**POD, "x": 1}), "mutated"),
    "denied dry run": (request(dry_run=True), Decision(False, "d", (DENIAL,), POD), None),
}


@pytest.mark.parametrize(("asked", "decision", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_outcome(asked: AdmissionRequest, decision: Decision, expected: str | None) -> None:
    assert outcome_of(asked, decision) == expected


def test_record_of_a_denial_says_who_what_where_and_by_which_policy() -> None:
    decision = Decision(False, "d1", (DENIAL,), POD, message="no: tag", reason="Invalid", code=422)
    kept = record(request(), decision)
    assert (kept.outcome, kept.username, kept.groups) == ("denied", "alice", ("devs",))
    assert (kept.kind, kept.resource, kept.namespace, kept.name) == ("Pod", "pods", "shop", "web")
    assert (kept.message, kept.policies, kept.digest) == ("no: tag", ("tags",), "d1")
    assert (kept.latency_ms, kept.known_by, kept.entry) == (1.5, "token", ENTRY.name)
    assert kept.results == (
        {
            "origin": "ValidatingAdmissionPolicy",
            "policy": "tags",
            "binding": "all",
            "action": "Deny",
            "path": "spec",
            "message": "no: tag",
            "reason": "Forbidden",
        },
    )


def test_patch_keeps_paths_and_hides_values_under_env() -> None:
    after = {
        **POD,
        "spec": {
            "containers": [
                {**POD["spec"]["containers"][0], "env": [{"name": "A", "value": "secret"}]}
            ]
        },
    }
    kept = record(
        request(), Decision(True, "d", object_after=after, mutated_by=("EnvInjection/x",))
    )
    assert kept.policies == ("EnvInjection/x",)
    assert kept.patch == (
        {
            "op": "add",
            "path": "/spec/containers/0/env",
            "value": [{"name": "A", "value": "<string of 6>"}],
        },
    )


APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.parametrize("annotations", [{}, {APPLIED: "secret", "a": "b"}], ids=["all", "one"])
def test_a_manifest_in_an_annotation_is_not_kept(annotations: dict[str, str]) -> None:
    """Rule A may rewrite what kubectl keeps there (`lastApplied: scrub`): it has the env in it."""
    before = {**POD, "metadata": {"name": "web", "annotations": annotations}}
    changed = {**annotations, APPLIED: "less secret"}
    after = {**POD, "metadata": {"name": "web", "annotations": changed}}
    kept = record(request(object=before), Decision(True, "d", object_after=after))
    assert "secret" not in str(kept.patch)
    assert "<string of 11>" in str(kept.patch)


def test_removal_has_no_value_to_hide() -> None:
    before = {**POD, "metadata": {"name": "web", "labels": {"a": "b"}}}
    after = {**POD, "metadata": {"name": "web"}}
    kept = record(request(object=before), Decision(True, "d", object_after=after))
    assert kept.patch == ({"op": "remove", "path": "/metadata/labels"},)


def test_secret_is_kept_as_type_and_length_only() -> None:
    before = {"metadata": {"name": "s"}, "data": {"k": "aGVsbG8="}}
    violation = Violation("p", "value aGVsbG8= is bad", found="aGVsbG8=", action=Action.WARN)
    decision = Decision(
        True,
        "d",
        (violation,),
        {**before, "data": {"k": "aGVsbG8=", "n": 1, "p": "x"}},
        warnings=("bad aGVsbG8=",),
    )
    kept = record(request("secrets", "Secret", object=before), decision)
    assert "aGVsbG8=" not in str(kept)
    assert [one["value"] for one in kept.patch] == ["<int>", "<string of 1>"]


REDACTED = {
    "no env": ({"image": "a"}, {"image": "a"}),
    "env value": (
        {
            "env": [
                {"name": "A", "value": "x"},
                {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "f"}}},
            ]
        },
        {
            "env": [
                {"name": "A", "value": "<string of 1>"},
                {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "f"}}},
            ]
        },
    ),
    "deep": (
        {"containers": [{"env": [{"value": "xyz"}]}]},
        {"containers": [{"env": [{"value": "<string of 3>"}]}]},
    ),
    "null": ({"env": None}, {"env": "<NoneType>"}),
}


@pytest.mark.parametrize(("value", "expected"), REDACTED.values(), ids=REDACTED)
def test_redacted(value: Any, expected: Any) -> None:
    assert redacted(value, hide=False) == expected


NAMES = {
    "name": ({"object": {"metadata": {"name": "a"}}}, "a"),
    "generated": ({"object": {"metadata": {"generateName": "a-"}}}, "a-*"),
    "deleted": ({"object": None, "old_object": {"metadata": {"name": "o"}}}, "o"),
    "subresource": ({"object": {"kind": "Scale"}, "name": "r"}, "r"),
    "malformed": ({"object": {"metadata": "x"}, "name": "r"}, "r"),
    "none": ({"object": {"metadata": {}}}, ""),
}


@pytest.mark.parametrize(("fields", "expected"), NAMES.values(), ids=NAMES)
def test_name_of(fields: dict[str, Any], expected: str) -> None:
    assert name_of(request(**fields)) == expected


def test_content_holds_no_nul_character() -> None:
    decision = Decision(False, "d", (DENIAL,), POD, message="a\x00b")
    assert record(request(), decision).content()["message"] == "a\ufffdb"
