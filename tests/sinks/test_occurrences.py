"""Which decisions of rules E and C make an Event, about which object, and what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import UID, container, deployment, namespace, owned_by, pod, request
from tests.rules.protection import ALWAYS, BREAKGLASS, NOW, World, a_pod, delete, web
from webhook.engine import decide
from webhook.model import (
    AdmissionRequest,
    Decision,
    Document,
    Facts,
    Get,
    GroupVersionResource,
    Lookup,
)
from webhook.registration import registrations, route
from webhook.sinks.occurrences import (
    DENIED,
    LEFT_ALONE,
    OVERRIDDEN,
    Occurrence,
    Regarding,
    occurrences,
)
from webhook.snapshot import Snapshot, build

EXPIRES = "2026-12-31T18:00:00Z"
GRANT = {
    "who": {"users": ["alice"]},
    "target": {"kind": "Deployment", "namespace": "shop", "name": "web"},
    "reason": "moving away",
    "expires": EXPIRES,
    "createdBy": "bob",
}
EXCEPTION = {
    "waives": [{"kind": "DeletionProtection"}],
    "subject": {"users": ["alice"]},
    "match": {"namespaces": ["shop"]},
    "reason": "because",
    "ticket": "CHG-1",
    "expires": EXPIRES,
}
BASELINE = namespace(
    labels={"propylon.dev/lxcfs": "enabled", "pod-security.kubernetes.io/enforce": "baseline"}
)
WEB = Regarding("apps/v1", "Deployment", "shop", "web", "uid-of-web")


def document(kind: str, spec: Any) -> str:
    head = {"apiVersion": "propylon.dev/v1", "kind": kind, "metadata": {"name": "main"}}
    return json.dumps({**head, "spec": spec})


def snapshot(*texts: str) -> Snapshot:
    built = build([Document("a.yaml", "\n---\n".join(texts))])
    assert built.errors == ()
    return built


def protected(**spec: Any) -> str:
    return document("DeletionProtection", spec)


def judged(
    asked: AdmissionRequest, built: Snapshot, *objects: Any, path: str = "protect"
) -> Decision:
    entry = route(registrations(built), path, mutating=path == "pods")
    assert entry is not None
    known: Mapping[Lookup, Any] = World(*objects)
    if path == "pods":
        known = {Get("v1", "Namespace", "", "shop"): BASELINE}
    return decide(asked, entry, built, Facts(known))


def found(
    asked: AdmissionRequest, *documents: str, objects: tuple[Any, ...] = (), path: str = "protect"
) -> tuple[Occurrence, ...]:
    return occurrences(asked, judged(asked, snapshot(*documents), *objects, path=path))


def test_a_denied_deletion_says_what_and_who() -> None:
    (one,) = found(delete(web(ALWAYS)), protected())
    assert one.regarding == WEB
    assert one.reason == DENIED
    assert one.message.startswith("protect: Deployment shop/web is protected (Always).")
    assert one.message.endswith("(DELETE by alice)")


def test_an_object_that_may_go_makes_none() -> None:
    assert found(delete(web()), protected()) == ()


def test_a_dry_run_makes_none() -> None:
    """E-42."""
    assert found(delete(web(ALWAYS), dry_run=True), protected()) == ()
    assert found(delete(web(ALWAYS), dry_run=True, groups=BREAKGLASS), protected()) == ()


@pytest.mark.parametrize("phase", ["warn", "audit"])
def test_what_is_only_told_makes_none(phase: str) -> None:
    assert found(delete(web(ALWAYS)), protected(phase=phase)) == ()


def test_broken_glass_makes_one() -> None:
    """E-43."""
    (one,) = found(delete(web(ALWAYS), user="carol", groups=BREAKGLASS), protected())
    assert (one.regarding, one.reason) == (WEB, OVERRIDDEN)
    text = "protect: override by breakglass for Deployment shop/web (DELETE by carol)"
    assert one.message == text


def test_a_grant_is_named_with_its_reason() -> None:
    (one,) = found(delete(web(ALWAYS)), protected(), document("DeletionGrant", GRANT))
    assert one.reason == OVERRIDDEN
    assert "override by grant DeletionGrant/main for Deployment shop/web: moving" in one.message


def test_overrides_are_told_to_the_other_sinks() -> None:
    asked, grant = delete(web(ALWAYS)), document("DeletionGrant", GRANT)
    assert judged(asked, snapshot(protected(), grant)).overridden_by == ("DeletionGrant/main",)
    broken = delete(web(ALWAYS), groups=BREAKGLASS)
    assert judged(broken, snapshot(protected())).overridden_by == ("breakglass",)


def test_an_exception_is_named() -> None:
    (one,) = found(delete(web(ALWAYS)), protected(), document("PolicyException", EXCEPTION))
    assert one.reason == OVERRIDDEN
    assert "is protected (Always)." in one.message
    assert one.message.endswith("Waived by main. (DELETE by alice)")


def test_an_eviction_is_about_the_pod() -> None:
    kept = a_pod(labels=ALWAYS)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    asked = request(
        eviction,
        sub_resource="eviction",
        received_at=NOW,
        name="p",
        namespace="shop",
        resource=GroupVersionResource("", "v1", "pods"),
    )
    (one,) = found(asked, protected(), objects=(kept,), path="protect-evictions")
    assert one.regarding == Regarding("v1", "Pod", "shop", "p", "uid-of-p")
    assert one.message.endswith("(CREATE eviction by alice)")


def test_a_namespace_has_none_around_it() -> None:
    crowded = namespace("shop")
    (one,) = found(delete(crowded), protected(), objects=(web(ALWAYS),), path="protect-namespaces")
    assert one.regarding == Regarding("v1", "Namespace", "", "shop")


def new_pod(**fields: Any) -> AdmissionRequest:
    built = pod(container(env=[{"name": "TOKEN", "value": "s3cret"}]), **fields)
    return request(built, received_at=NOW)


def test_a_pod_left_alone_makes_one() -> None:
    """C-18."""
    (one,) = found(new_pod(), document("LxcfsInjection", {}), path="pods")
    assert one.regarding == Regarding("v1", "Pod", "shop", "web")
    assert one.reason == LEFT_ALONE
    text = "lxcfs: skipped, namespace enforces Pod Security baseline (hostPath forbidden)"
    assert one.message == text


def test_pods_of_one_controller_share_one() -> None:
    asked = new_pod(name="")
    asked.object["metadata"] |= {"generateName": "web-", "ownerReferences": owned_by("ReplicaSet")}
    (one,) = found(asked, document("LxcfsInjection", {}), path="pods")
    assert one.regarding == Regarding("apps/v1", "ReplicaSet", "shop", "web-5d4f", UID)


def test_a_nameless_pod_is_told_at_its_namespace() -> None:
    asked = new_pod(name="")
    asked.object["metadata"]["generateName"] = "web-"
    (one,) = found(asked, document("LxcfsInjection", {}), path="pods")
    assert one.regarding == Regarding("v1", "Namespace", "", "shop")


def test_a_name_without_end_is_cut() -> None:
    """A mutating webhook sees names before anybody checked them."""
    asked = new_pod(name="x" * 5000)
    (one,) = found(asked, document("LxcfsInjection", {}), path="pods")
    assert len(one.regarding.name) == 253


def test_silent_skips_make_none() -> None:
    assert found(new_pod(hostPID=True), document("LxcfsInjection", {}), path="pods") == ()


def test_other_rules_make_none() -> None:
    asked = request(deployment())
    allowed = Decision(True, "d", object_after=asked.object, audit_annotations={"snapshot": "d"})
    assert occurrences(asked, allowed) == ()
    assert occurrences(asked, replace(allowed, allowed=False, message="no")) == ()


def test_the_key_leaves_out_the_text() -> None:
    (one,) = found(delete(web(ALWAYS)), protected())
    assert replace(one, message="29m left").key == one.key
    assert replace(one, user="bob").key != one.key
