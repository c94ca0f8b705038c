"""Rule A on a real API server: developers neither see nor destroy what belongs to the platform."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.e2e import shop
from tests.e2e.processes import run
from tests.e2e.propylon import COMMAND
from tests.e2e.revisions import revisions
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon

PLATFORM = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web-shop", "namespace": "shop"},
    "spec": {
        "template": {
            "spec": {
                "nodeSelector": {"pool": "web"},
                "tolerations": [{"key": "dedicated", "operator": "Exists"}],
            }
        }
    },
}
SERVER_SIDE = ("--server-side", "--field-manager=shop")


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, developer: Kubectl) -> None:
    propylon.put_in_force("hide", "hidden-fields.yaml")
    eventually(
        lambda: "reserved for the platform" in tried(developer, hostNetwork=True).stderr,
        what="the API server asks about Deployments",
    )


def tried(developer: Kubectl, **fields: Any) -> Any:
    return developer.try_out(web(**fields))


def web(image: str = "registry.example/shop:1", **fields: Any) -> Any:
    """Return the shop's Deployment as its developers write it once the rule is in force."""
    made = shop.clean_deployment(image=image)
    made["spec"]["template"]["spec"].update(fields)
    return made


@pytest.fixture
def empty_shop(developer: Kubectl) -> Iterator[Kubectl]:
    yield developer
    developer.run("delete", "deployment,service", "--all", "--now")


@pytest.fixture
def shop_with_settings(empty_shop: Kubectl, admin: Kubectl) -> Kubectl:
    """The shop's Deployment, to which the platform has added its own settings."""
    empty_shop.apply(web())
    admin.apply(PLATFORM, "--server-side", "--field-manager=platform")
    return empty_shop


def template(kubectl: Kubectl) -> Any:
    return kubectl.get("deployment", "web-shop")["spec"]["template"]


def rollouts(kubectl: Kubectl) -> int:
    """Return how many templates the Deployment has had.

    Its generation says nothing: the API server raises it for annotations, too.
    """
    return len(revisions(kubectl).hashes)


def test_new_hidden_fields_are_dropped_with_a_warning(empty_shop: Kubectl) -> None:
    said = empty_shop.apply(web(nodeSelector={"pool": "gpu"}, priorityClassName="gold"))
    assert said.warnings == [
        "hide: spec.template.spec.nodeSelector removed",
        "hide: spec.template.spec.priorityClassName removed",
    ]
    spec = template(empty_shop)["spec"]
    assert "nodeSelector" not in spec
    assert spec["enableServiceLinks"] is False


def test_dangerous_fields_are_refused(developer: Kubectl) -> None:
    said = tried(developer, hostNetwork=True, volumes=[{"name": "h", "hostPath": {"path": "/"}}])
    assert said.code == 1
    assert (
        "spec.template.spec.hostNetwork is reserved for the platform; volume h uses" in said.stderr
    )


def test_replacing_with_a_manifest_keeps_the_settings(shop_with_settings: Kubectl) -> None:
    before = shop_with_settings.get("deployment", "web-shop")
    said = shop_with_settings.run("replace", "-f", "-", documents=web())
    after = shop_with_settings.get("deployment", "web-shop")
    assert said.stderr == ""
    assert after["spec"] == before["spec"]
    assert rollouts(shop_with_settings) == 2  # the developer's, and the platform's


def test_the_developer_view_can_be_sent_back(shop_with_settings: Kubectl) -> None:
    before = shop_with_settings.get("deployment", "web-shop")
    seen = view(shop_with_settings, "view", "deployment/web-shop", "--namespace", "shop")
    spec = yaml.safe_load(seen)["spec"]
    assert "nodeSelector" not in spec["template"]["spec"]
    assert "strategy" not in spec
    shop_with_settings.run("replace", "-f", "-", documents=seen)
    after = shop_with_settings.get("deployment", "web-shop")
    assert after["spec"] == before["spec"]
    assert rollouts(shop_with_settings) == 2  # the developer's, and the platform's


def view(kubectl: Kubectl, *words: str) -> str:
    """Return what `propylon` says to the developer."""
    environment = kubectl.environment()
    environment["PATH"] = f"{kubectl.program.parent}:{environment.get('PATH', '')}"
    done = run([str(COMMAND), *words], environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_finalizers_come_back(shop_with_settings: Kubectl, admin: Kubectl) -> None:
    finalizer = '{"metadata": {"finalizers": ["shop.example/wait"]}}'
    gone = '{"metadata": {"finalizers": null}}'
    shop = admin.within("shop")
    shop.run("patch", "deployment", "web-shop", "--type=merge", "-p", finalizer)
    said = shop_with_settings.run("patch", "deployment", "web-shop", "--type=merge", "-p", gone)
    assert said.warnings == ["hide: metadata.finalizers kept at platform value"]
    shop.run("patch", "deployment", "web-shop", "--type=merge", "-p", gone)
    assert "finalizers" not in shop.get("deployment", "web-shop")["metadata"]


def test_a_18_a_field_that_was_stripped_conflicts_with_the_platform(
    empty_shop: Kubectl, admin: Kubectl
) -> None:
    """With `managedFields: leave` the developer's manager still lists the path (F-03)."""
    empty_shop.apply(web(nodeSelector={"pool": "gpu"}), *SERVER_SIDE)
    said = admin.try_to(
        "apply", "--server-side", "--field-manager=platform", "-f", "-", documents=PLATFORM
    )
    assert "conflict" in said.stderr
    admin.apply(PLATFORM, "--server-side", "--field-manager=platform", "--force-conflicts")
    assert template(empty_shop)["spec"]["nodeSelector"] == {"pool": "web"}


def test_a_51_forced_values_are_overruled(shop_with_settings: Kubectl) -> None:
    forced = ("--server-side", "--force-conflicts", "--field-manager=shop")
    said = shop_with_settings.apply(web(nodeSelector={"pool": "gpu"}), *forced)
    assert said.warnings == ["hide: spec.template.spec.nodeSelector kept at platform value"]
    assert template(shop_with_settings)["spec"]["nodeSelector"] == {"pool": "web"}


def test_replicas_of_an_autoscaler(empty_shop: Kubectl, admin: Kubectl) -> None:
    empty_shop.apply(web())
    empty_shop.run("autoscale", "deployment", "web-shop", "--min=2", "--max=9")
    assert (
        "scaling is managed by an autoscaler"
        in empty_shop.try_to("scale", "deployment", "web-shop", "--replicas=5").stderr
    )
    said = empty_shop.apply({**web(), "spec": {**web()["spec"], "replicas": 4}})
    assert said.warnings == ["hide: spec.replicas kept at 3 (managed by autoscaler)"]
    admin.within("shop").run("scale", "deployment", "web-shop", "--replicas=5")
    empty_shop.run("delete", "hpa", "--all")
    empty_shop.run("scale", "deployment", "web-shop", "--replicas=2")


def test_service_keeps_what_was_allocated(empty_shop: Kubectl) -> None:
    service = shop.part("service")
    empty_shop.apply(service)
    before = empty_shop.get("service", service["metadata"]["name"])["spec"]
    said = empty_shop.run("replace", "-f", "-", documents=service)
    assert said.stderr == ""
    assert empty_shop.get("service", service["metadata"]["name"])["spec"] == before
    service["spec"]["type"] = "NodePort"
    refused = empty_shop.try_to("apply", "-f", "-", documents=service)
    assert "hide: spec.type is reserved for the platform" in refused.stderr


def test_a_44_daemon_sets_are_the_platforms(developer: Kubectl, admin: Kubectl) -> None:
    daemons = web()
    daemons["kind"] = "DaemonSet"
    for field in ("replicas", "strategy", "revisionHistoryLimit", "progressDeadlineSeconds"):
        daemons["spec"].pop(field, None)
    said = developer.try_out(daemons)
    assert "kind DaemonSet is reserved for the platform" in said.stderr
    assert admin.within("shop").try_out(daemons).ok


def test_a_new_claim_keeps_the_finalizer_of_the_api_server(empty_shop: Kubectl) -> None:
    """Its admission adds one before any webhook is asked: nothing that a developer wrote."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "uploads", "namespace": "shop"}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
    assert empty_shop.apply({**claim, "spec": spec}).stderr == ""
    stored = empty_shop.get("pvc", "uploads")["metadata"]
    assert stored["finalizers"] == ["kubernetes.io/pvc-protection"]
    empty_shop.run("delete", "pvc", "uploads")


def test_a_job_made_from_a_cron_job_is_as_the_platform_left_that(
    empty_shop: Kubectl, admin: Kubectl
) -> None:
    """`kubectl create job --from` copies hidden fields, too; the copy is accepted as it is."""
    spec = shop.pod()["spec"]
    empty_shop.apply(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "report", "namespace": "shop"},
            "spec": {
                "schedule": "0 3 1 1 *",
                "jobTemplate": {"spec": {"template": {"spec": spec}}},
            },
        }
    )
    template = {"spec": {"nodeSelector": {"pool": "web"}}}
    patch = {"spec": {"jobTemplate": {"spec": {"template": template}}}}
    admin.within("shop").run("patch", "cronjob", "report", "--patch", json.dumps(patch))
    # The API server gives a Job labels and a selector behind the mutating webhooks.
    empty_shop.run("create", "job", "plain", "--image=registry.example.com/report:1")
    said = empty_shop.run("create", "job", "now", "--from=cronjob/report")
    assert said.stderr == ""
    made = empty_shop.get("job", "now")["spec"]["template"]["spec"]
    assert made["nodeSelector"] == {"pool": "web"}
    empty_shop.run("delete", "cronjob,job", "--all")


def test_a_53_unknown_fields_are_refused_before_us(developer: Kubectl) -> None:
    said = developer.try_out(web(priorityClassNam="gold"), "--validate=strict")
    assert "unknown field" in said.stderr
    assert "hide:" not in said.stderr
