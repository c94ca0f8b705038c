"""DeletionProtection and DeletionGrant documents: their mistakes, how they add up, their entries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import tweak
from tests.rules.documents import Spec, item, read
from tests.rules.protection import build, config
from webhook.model import Registration
from webhook.rules.protect import RULE
from webhook.rules.protect.config import Level
from webhook.rules.protect.intercepting import protect_entries
from webhook.rules.protect.kinds import DEPENDENTS, KINDS, named
from webhook.rules.protect.parsing import parse_duration, parse_time

MISTAKES: dict[str, tuple[Spec, str, str]] = {
    "phase": ({"phase": "on"}, "spec.phase", "must be one of off, audit, warn, enforce"),
    "cool-down": (
        {"onRemove": {"cooldown": "soon"}},
        "spec.onRemove.cooldown",
        "must be a number with s, m, h or d, like 30m",
    ),
    "nobody approves": (
        {"onRemove": {"mode": "approver"}},
        "spec.approvers",
        "must name somebody when onRemove.mode is approver",
    ),
    "everybody": (
        {"mayOverride": {"groups": ["*"]}},
        "spec.mayOverride.groups[0]",
        "matches everybody or nobody; write a name",
    ),
    "no account": (
        {"mayConfirm": {"serviceAccounts": ["robot", "ops:"]}},
        "spec.mayConfirm.serviceAccounts[0]",
        'is no service account; write "namespace:name"',
    ),
    "unknown kind": (
        {"protect": [{"kinds": ["Deployment", "Wigdet"]}]},
        "spec.protect[0].kinds[1]",
        "Wigdet is unknown; add it to spec.kinds, or write one of ",
    ),
    "no kind": ({"protect": [{"kinds": []}]}, "spec.protect[0].kinds", ""),
    "selector": (
        {"protect": [{"kinds": ["Deployment"], "selector": {"matchLabel": {}}}]},
        "spec.protect[0].selector.matchLabel",
        "unknown field; allowed are matchLabels and matchExpressions",
    ),
    "dependents": (
        {"checkDependents": ["Service"]},
        "spec.checkDependents[0]",
        "Service has no known dependents; say what it owns in spec.kinds, or write one of CloneSet",
    ),
    "owned": (
        {"kinds": [{"group": "a.b", "version": "v1", "kind": "A", "resource": "as", "owns": ["X"]}]},
        "spec.kinds[0].owns[0]",
        "X is unknown; add it to spec.kinds",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "path", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_readable(spec: Spec, path: str, message: str) -> None:
    error = RULE.parse(item("DeletionProtection", "main", spec))[0]
    assert error.path == path
    assert message in error.message
    assert error.line > 0


GRANT: Spec = {
    "who": {"users": ["alice"]},
    "target": {"kind": "Deployment", "name": "web"},
    "reason": "moving away",
    "expires": "2026-01-01T00:00:00Z",
    "createdBy": "bob",
}
GRANT_MISTAKES: dict[str, tuple[Spec, str, str]] = {
    "no reason": (tweak(GRANT, "reason", ""), "spec.reason", ""),
    "no time": (tweak(GRANT, "expires", "soon"), "spec.expires", "like 2026-03-01T18:00:00Z"),
    "no zone": (tweak(GRANT, "expires", "2026-01-01T00:00:00"), "spec.expires", "like 2026"),
    "nobody": (tweak(GRANT, "who", {}), "spec.who", "must name users or groups"),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "path", "message"), GRANT_MISTAKES.values(), ids=GRANT_MISTAKES)
def test_mistakes_in_grants_are_readable(spec: Spec, path: str, message: str) -> None:
    (error,) = RULE.further_kinds["DeletionGrant"](item("DeletionGrant", "move", spec))
    assert error.path == path
    assert message in error.message


def test_a_grant_does_not_hide_what_it_is() -> None:
    """The entry with failurePolicy Fail is chosen by this word in the text."""
    document = {
        "apiVersion": "propylon.dev/v1",
        "kind": "KIND",
        "metadata": {"name": "x"},
        "spec": GRANT,
    }
    text = json.dumps(document).replace("KIND", "\\u0044eletionGrant")
    (error,) = RULE.further_kinds["DeletionGrant"](read(text))
    assert error.message == "must be written plainly, without escapes"


SECONDS = {
    "90s": 90.0,
    "30m": 1800.0,
    "12h": 43200.0,
    "1d": 86400.0,
    "0s": 0.0,
    "1w": None,
    "": None,
}


@pytest.mark.parametrize(("text", "seconds"), SECONDS.items())
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


TIMES = {"1970-01-01T00:01:00Z": 60.0, "1970-01-01T01:00:00+01:00": 0.0, "yesterday": None}


@pytest.mark.parametrize(("text", "seconds"), TIMES.items())
def test_times(text: str, seconds: float | None) -> None:
    assert parse_time(text) == seconds


def test_single_values_come_from_the_first_document() -> None:
    documents: dict[str, Spec] = {
        "b": {"contact": "us", "protect": [{"kinds": ["Service"], "level": "Cascading"}]},
        "a": {"contact": "them", "phase": "off"},
        "c": {"scaleGuard": "strict", "allCRDs": False, "phase": "warn"},
        "d": {"phase": "off", "contact": "nobody"},
    }
    built, errors = build(documents)
    assert built.settings.contact == "us"
    assert [(one.document, one.level) for one in built.policies] == [
        ("DeletionProtection/b", Level.CASCADING)
    ]
    assert [(one.name, one.path) for one in errors] == [
        ("c", "spec.allCRDs"),
        ("c", "spec.scaleGuard"),
    ]
    assert errors[0].message == "only b can say this, which holds; move it there"


def test_kinds_are_told_apart_by_group() -> None:
    built = config({"protect": [{"kinds": ["StatefulSet.apps", "Job"]}]})
    found = {one.path for one in built.policies[0].kinds}
    assert found == {"apps/statefulsets", "batch/jobs", "batch.volcano.sh/jobs"}


def test_tables_fit_together() -> None:
    assert set(DEPENDENTS) <= {one.key for one in KINDS}
    assert len({one.key for one in KINDS}) == len(KINDS)
    owned = {text for texts in DEPENDENTS.values() for text in texts}
    assert [text for text in sorted(owned) if len(named(text, KINDS)) != 1] == []


def entries(**spec: Any) -> dict[str, Registration]:
    return {one.path: one for one in protect_entries(config(spec))}


def test_entries_are_those_of_the_specification() -> None:
    found = entries(evictionFailurePolicy="Fail")
    assert {
        path: (one.failure_policy, one.timeout_seconds, one.mutating) for path, one in found.items()
    } == {
        "protect": ("Fail", 10, False),
        "protect-state": ("Fail", 5, True),
        "protect-owners": ("Ignore", 10, False),
        "protect-namespaces": ("Fail", 10, False),
        "protect-crds": ("Fail", 10, False),
        "protect-scale": ("Ignore", 5, False),
        "protect-evictions": ("Fail", 5, False),
    }
    assert {one.name for one in found.values()} == {f"{path}.propylon.dev" for path in found}
    assert {one.reinvocation_policy for one in found.values()} == {"Never"}


def conditions(entry: Registration) -> dict[str, str]:
    return {one["name"]: one["expression"] for one in entry.match_conditions}


LABELS = (
    "['propylon.dev/delete-protection', 'policy.kruise.io/delete-protection',"
    " 'propylon.dev/delete-protection-state']"
)


HAS_LABEL = (
    "[object, oldObject].exists(o, o != null && has(o.metadata) && has(o.metadata.labels)"
    f" && {LABELS}.exists(l, l in o.metadata.labels))"
)
RESOURCE = "(request.resource.group + '/' + request.resource.resource)"


def test_the_three_labels_decide() -> None:
    found = entries()
    assert conditions(found["protect"])["is-protected"] == HAS_LABEL
    assert conditions(found["protect-state"])["is-protected"] == HAS_LABEL
    assert conditions(found["protect-owners"]) == {
        "may-have-protected-kin": (
            f"{RESOURCE} in ['apps.kruise.io/clonesets', 'apps/deployments', 'apps/statefulsets']"
        ),
        "is-not-protected": f"!({HAS_LABEL})",
    }


def test_policies_without_labels_widen_the_entries() -> None:
    kinds = ["Service.", "Deployment", "StatefulSet.apps", "CloneSet"]
    found = entries(protect=[{"kinds": kinds}])
    listed = "['/services', 'apps.kruise.io/clonesets', 'apps/deployments', 'apps/statefulsets']"
    expression = f"{HAS_LABEL} || {RESOURCE} in {listed}"
    assert conditions(found["protect"])["is-protected"] == expression
    assert conditions(found["protect-state"])["is-protected"] == expression
    assert "protect-owners" not in found


def test_children_of_protected_workloads_are_sent() -> None:
    expression = conditions(entries(protectChildren=True)["protect-owners"])
    assert "'/pods', " in expression["may-have-protected-kin"]
    assert "'batch/cronjobs'" in expression["may-have-protected-kin"]


DEFINITIONS: dict[str, tuple[Spec, bool]] = {
    "all": ({}, True),
    "labelled ones": ({"allCRDs": False}, False),
    "by policy": (
        {"allCRDs": False, "protect": [{"kinds": ["CustomResourceDefinition"]}]}, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "all_are_sent"), DEFINITIONS.values(), ids=DEFINITIONS)
def test_definitions_that_are_sent(spec: Spec, all_are_sent: bool) -> None:
    assert (not entries(**spec)["protect-crds"].match_conditions) is all_are_sent


def test_the_namespace_controller_is_never_in_need_of_us() -> None:
    assert conditions(entries()["protect-namespaces"]) == {
        "not-the-namespace-controller": (
            "!(request.operation == 'UPDATE' && has(request.userInfo.username)"
            " && request.userInfo.username in ['system:kube-controller-manager',"
            " 'system:serviceaccount:kube-system:namespace-controller'])"
        )
    }


def test_what_is_tried_out_blocks_nothing() -> None:
    assert entries(phase="warn")["protect"].failure_policy == "Ignore"
    assert entries(phase="off") == {}
