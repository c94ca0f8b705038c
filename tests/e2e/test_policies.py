"""Documents in ConfigMaps: in force soon after `kubectl apply`, refused when broken, never lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.propylon import POLICIES, SYSTEM, Propylon, documents
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.kubectl import Kubectl


BROKEN = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: broken
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations:
    - expression: object.spec.replicas <= limit
"""

UNREADABLE = "apiVersion: v1\nkind: [unclosed\n"


@pytest.fixture(autouse=True)
def _baseline(propylon: Propylon) -> None:
    propylon.put_in_force("baseline", "image-tags.yaml", "deletion.yaml", "probes.yaml")


def judge(developer: Kubectl, **changes: Any) -> str:
    """Return what stderr says to a Deployment that is only tried."""
    document = shop.deployment(**changes)
    tried = developer.try_out(document)
    return tried.stderr


def test_new_policy_is_in_force_soon(propylon: Propylon, developer: Kubectl) -> None:
    assert judge(developer, replicas=50) == ""
    written = propylon.set_documents("limits", "replicas.yaml")
    assert written.stdout == "configmap/limits created\n"
    eventually(
        lambda: "at most 20 replicas, not 50" in judge(developer, replicas=50),
        what="the policy denies",
        within=5,
    )
    propylon.withdraw("limits")
    eventually(lambda: judge(developer, replicas=50) == "", what="it no longer denies", within=5)


def test_changed_policy_is_in_force_soon(propylon: Propylon, developer: Kubectl) -> None:
    propylon.put_in_force("limits", "replicas.yaml")
    assert "at most 20" in judge(developer, replicas=25)
    config_map = propylon.admin.get("configmap", "limits", "-n", POLICIES)
    text = config_map["data"]["replicas.yaml"]
    changed = text.replace("<= 20", "<= 30").replace("at most 20", "at most 30")
    propylon.admin.apply(documents("limits", {"replicas.yaml": changed}))
    eventually(lambda: judge(developer, replicas=25) == "", what="30 are allowed", within=5)
    assert "at most 30 replicas, not 31" in judge(developer, replicas=31)
    propylon.withdraw("limits")


def test_namespace_deletion_is_denied_by_a_policy(admin: Kubectl, propylon: Propylon) -> None:
    name = "orders-production"
    admin.run("create", "namespace", name)
    admin.run("label", "namespace", name, "example.com/keep=true")
    refused = admin.try_to("delete", "namespace", name)
    assert refused.code == 1
    assert refused.stderr == (
        'Error from server (Forbidden): admission webhook "policies.propylon.dev" denied the '
        "request: ValidatingAdmissionPolicy 'keep' with binding 'keep' denied request: "
        f"Namespace {name} is marked to be kept; remove its label example.com/keep first\n"
    )
    assert admin.get("namespace", name)["status"]["phase"] == "Active"
    admin.run("label", "namespace", name, "example.com/keep-")
    admin.run("delete", "namespace", name, "--wait=false")


def test_audited_policy_only_records(
    admin: Kubectl, developer: Kubectl, propylon: Propylon
) -> None:
    result = developer.run("create", "-f", "-", documents=shop.deployment("no-probe", probe=None))
    assert result.stderr == ""

    def recorded() -> list[str]:
        notes = [
            event.get("annotations", {}).get("policies-ignore.propylon.dev/validation_failure")
            for event in propylon.cluster.audit_events()
            if event.get("objectRef", {}).get("name") == "no-probe"
        ]
        return [note for note in notes if note]

    notes = eventually(recorded, what="the audit log holds the failure")
    assert '"policy":"probes"' in notes[0]
    assert "every container should have a readiness probe" in notes[0]
    developer.run("delete", "deployment", "no-probe")


def test_object_is_converted_to_the_version_that_a_policy_names(
    developer: Kubectl, propylon: Propylon
) -> None:
    """The policy reads autoscaling/v2, the developer writes v1: the API server converts."""
    propylon.put_in_force("scaling", "autoscaling.yaml")
    scaler = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web-shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-shop"},
            "minReplicas": 2,
            "maxReplicas": 8,
            "targetCPUUtilizationPercentage": 95,
        },
    }
    refused = developer.try_to("create", "-f", "-", documents=scaler)
    assert refused.code == 1
    assert "scale at 80 % of cpu or before, not at 95 %" in refused.stderr
    propylon.withdraw("scaling")


SERVICES = {
    "in-production": ({}, {"namespace": "shop"}, False),
    "in-another-namespace": ({}, {"namespace": "default"}, True),
    "of-another-type": ({"type": "ClusterIP"}, {"namespace": "shop"}, True),
    "with-the-label": (
        {},
        {"namespace": "shop", "labels": {"example.com/exposed": "true"}},
        True,
    ),
    "of-the-gateway": ({}, {"namespace": "shop", "name": "gateway"}, True),
}


@pytest.mark.parametrize(
    ("spec", "metadata", "allowed"), SERVICES.values(), ids=[f"node-port-{key}" for key in SERVICES]
)
def test_policy_matches_by_namespace_labels_and_conditions(
    spec: dict[str, str],
    metadata: dict[str, Any],
    allowed: bool,
    admin: Kubectl,
    propylon: Propylon,
) -> None:
    propylon.put_in_force("services", "services.yaml")
    service = shop.part("service")
    service["spec"] |= {"type": "NodePort"} | spec
    service["metadata"] |= {"labels": {}} | metadata
    tried = admin.try_out(service)
    assert tried.ok is allowed, str(tried)
    propylon.withdraw("services")


class TestBroken:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            pytest.param(
                BROKEN,
                ["broken", "undeclared reference to 'limit'", "baseline, key new.yaml", "^"],
                id="does-not-compile",
            ),
            pytest.param(UNREADABLE, ["baseline, key new.yaml:"], id="is-not-yaml"),
            pytest.param(
                "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n",
                ["Secret is unknown", "ValidatingAdmissionPolicy", "EnvInjection"],
                id="is-of-no-known-kind",
            ),
        ],
    )
    def test_document_is_refused_and_changes_nothing(
        self, text: str, words: list[str], propylon: Propylon, developer: Kubectl
    ) -> None:
        before = propylon.admin.get("configmap", "baseline", "-n", POLICIES)
        refused = propylon.set_documents("baseline", "image-tags.yaml", new=text)
        assert refused.code == 1
        assert 'admission webhook "documents.propylon.dev" denied the request' in refused.stderr
        assert [word for word in words if word not in refused.stderr] == [], str(refused)
        after = propylon.admin.get("configmap", "baseline", "-n", POLICIES)
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        assert "need a fixed tag" in judge(developer, image=LATEST)

    def test_name_may_not_repeat(self, propylon: Propylon) -> None:
        refused = propylon.set_documents("copy", "image-tags.yaml")
        assert refused.code == 1
        assert "'image-tags' is already defined in" in refused.stderr

    def test_stored_all_the_same_keeps_the_last_good_version(
        self, propylon: Propylon, developer: Kubectl
    ) -> None:
        """The entry fails open: with Propylon away, a broken document gets into the cluster."""
        text = propylon.admin.get("configmap", "baseline", "-n", POLICIES)["data"][
            "image-tags.yaml"
        ]
        propylon.stop_all()
        broken = text.replace("variables.loose.size() == 0", "variables.lose.size() == 0")
        written = propylon.set_documents("baseline", "deletion.yaml", **{"image-tags": broken})
        assert written.ok, str(written)
        replica = propylon.start()
        assert "need a fixed tag" in eventually(
            lambda: judge(developer, image=LATEST), what="the last good version denies"
        )
        said = eventually(
            lambda: [line for line in replica.program.said().splitlines() if "lose" in line],
            what="the log shows the error",
        )
        assert "image-tags" in said[0]
        assert "propylon_document_errors 1.0" in replica.metrics()
        repaired = propylon.set_documents("baseline", "image-tags.yaml", "deletion.yaml")
        assert repaired.ok, str(repaired)

    def test_accepted_texts_are_kept_in_the_own_namespace(self, propylon: Propylon) -> None:
        kept = propylon.admin.get("configmap", "propylon-accepted", "-n", SYSTEM)
        assert kept["data"]
