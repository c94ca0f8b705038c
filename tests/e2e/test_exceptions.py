"""Who may waive rules on a real API server: more than the right to write ConfigMaps is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.propylon import POLICIES, documents
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

PROTECTED = "propylon.dev/delete-protection"
PROTECTION = """
apiVersion: propylon.dev/v1
kind: DeletionProtection
metadata: {name: main}
spec: {contact: the storefront platform}
"""
EXCEPTION = """
apiVersion: propylon.dev/v1
kind: PolicyException
metadata: {name: tidy}
spec:
  waives: [{kind: DeletionProtection}]
  subject: {users: [e2e-admin]}
  match: {namespaces: [waived]}
  reason: the shop moves
  ticket: CHG-7
  expires: "2999-01-01T00:00:00Z"
"""
ACTORS = """
apiVersion: propylon.dev/v1
kind: Actors
metadata: {name: main}
spec: {platform: {users: [erin]}}
"""


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, admin: Kubectl) -> None:
    propylon.put_in_force("waiving", protection=PROTECTION, actors=ACTORS)
    words = ["create", "rolebinding", "writers", "-n", POLICIES, "--clusterrole=edit"]
    admin.run(*words, "--group=writers")


def exceptions() -> Any:
    return documents("exceptions", {"a.yaml": EXCEPTION})


def test_a_writer_of_config_maps_may_not_waive(cluster: Cluster) -> None:
    wendy = cluster.user("wendy", "writers")
    refused = wendy.try_to("apply", "-f", "-", documents=exceptions())
    assert "'wendy' counts as developer and may not waive rules" in refused.stderr
    assert "breakglass, delegate, platform, system may (Actors)" in refused.stderr
    plain = documents("theirs", {"README": "no documents"})
    assert wendy.run("apply", "-f", "-", documents=plain).ok


def test_an_engineer_may_and_each_use_is_told(
    propylon: Propylon, cluster: Cluster, admin: Kubectl
) -> None:
    engineer = cluster.user("erin", "writers")
    assert engineer.run("apply", "-f", "-", documents=exceptions()).ok
    admin.run("create", "namespace", "waived")
    here = admin.within("waived")
    here.run("create", "configmap", "kept")
    here.run("label", "configmap", "kept", f"{PROTECTED}=Always")
    done = eventually(
        lambda: found if (found := here.try_to("delete", "configmap", "kept")).ok else None,
        what="the exception is in force",
    )
    text = "exception tidy (CHG-7) waives DeletionProtection main; expires 2999-01-01"
    assert text in done.stderr
    (replica,) = propylon.replicas
    metric = 'propylon_overrides_total{by="PolicyException/tidy",dry_run="false"}'
    assert metric in replica.metrics()
    reason = "source=propylon,reason=ProtectionOverridden"
    (event,) = eventually(
        lambda: here.get("events", "--field-selector", reason)["items"], what="an Event"
    )
    assert "Waived by tidy. (DELETE by e2e-admin)" in event["message"]


def test_nothing_is_waived_behind_our_back(propylon: Propylon, cluster: Cluster) -> None:
    """While Propylon is away ConfigMaps may be written, but none with exceptions."""
    engineer = cluster.user("erin", "writers")
    propylon.stop_all()
    changed = documents("exceptions", {"a.yaml": EXCEPTION.replace("[waived]", "['*']")})
    refused = engineer.try_to("apply", "-f", "-", documents=changed)
    assert 'failed calling webhook "documents-grants.propylon.dev"' in refused.stderr
    plain = documents("theirs", {"b.yaml": ACTORS.replace("main", "further")})
    assert engineer.run("apply", "-f", "-", documents=plain).ok
