"""The developer view: what it leaves out, and that sending it back changes nothing (A.11)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.builders import container, pod, tweak
from tests.rules.hiding import PINNED, config, kruise, mutate, notes, plain, update, web
from webhook.objects.equality import same
from webhook.objects.paths import get
from webhook.rules.actors import ActorClass
from webhook.rules.hide.gitops import argo_cd, changed_paths, flux, jq_path, json_pointer
from webhook.rules.hide.last_applied import LAST_APPLIED
from webhook.rules.hide.view import Options, explain, kind_of, view

DEFAULT = config(infraContainers=["log-agent"], infraVolumes=["logs"], infraPullSecrets=["corp"])
KEEPING = Options(keep_defaults=True)
SERVER = {
    "uid": "1",
    "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "selfLink": "/apis/apps/v1/namespaces/shop/deployments/web",
    "managedFields": [{"manager": "alice"}],
    "annotations": {LAST_APPLIED: "{}", "deployment.kubernetes.io/revision": "3", "team": "a"},
}
DEFAULT_TOLERATION = {
    "key": "node.kubernetes.io/not-ready",
    "operator": "Exists",
    "effect": "NoExecute",
    "tolerationSeconds": 300,
}
TOKEN = {"name": "kube-api-access-x1", "projected": {"sources": []}}
TOKEN_MOUNT = {"name": "kube-api-access-x1", "mountPath": "/var/run/secrets"}
HIDDEN = web(
    container(
        terminationMessagePath="/logs/end",
        securityContext={"privileged": True, "runAsUser": 1000},
        ports=[{"containerPort": 80, "hostPort": 80}],
        resources={"limits": {"cpu": "1", "nvidia.com/gpu": "1"}},
    ),
    container("log-agent"),
    spec={"paused": True, "replicas": 3},
    metadata={"finalizers": ["shop.example/wait"]},
    nodeSelector={"pool": "web"},
    tolerations=[{"key": "dedicated", "operator": "Exists"}],
    priorityClassName="gold",
    affinity={"nodeAffinity": {}, "podAntiAffinity": {"a": 1}},
    volumes=[{"name": "logs", "emptyDir": {}}, {"name": "mem", "emptyDir": {"medium": "Memory"}}],
    imagePullSecrets=[{"name": "corp"}],
    hostUsers=False,
)


def cleaned(spec: Any, **metadata: Any) -> Any:
    made = plain("Pod", spec)
    return {**made, "metadata": {**made["metadata"], **metadata}}


POD_OF_A_CONTROLLER = pod(
    container(volumeMounts=[TOKEN_MOUNT]),
    container("b"),
    volumes=[TOKEN],
    tolerations=[DEFAULT_TOLERATION],
    priority=0,
    preemptionPolicy="PreemptLowerPriority",
    overhead={"cpu": "1m"},
    nodeName="n1",
)
WITH_MOUNTS = pod(
    container(volumeMounts=[TOKEN_MOUNT, {"name": "mem", "mountPath": "/mem"}]),
    volumes=[TOKEN, {"name": "mem", "emptyDir": {}}],
    tolerations=[DEFAULT_TOLERATION, {"key": "a", "operator": "Exists"}],
)
DEFAULTED = web(
    container(
        image="web:1",
        imagePullPolicy="IfNotPresent",
        livenessProbe={"httpGet": {"path": "/", "scheme": "HTTP"}, "periodSeconds": 10},
        ports=[{"containerPort": 80, "protocol": "TCP"}],
        resources={},
    ),
    securityContext={},
    restartPolicy="Always",
    volumes=[{"name": "c", "configMap": {"defaultMode": 420}}],
)

VIEWS: dict[str, tuple[Any, Options, str, Any]] = {
    "server's fields": (web(metadata=SERVER), Options(), "metadata", {
        "name": "web", "namespace": "shop", "annotations": {"team": "a"},
    }),
    "for edit": (
        web(metadata=SERVER), Options(for_edit=True), "metadata.resourceVersion", "7"
    ),
    "marks of other rules": (
        web(metadata={
            "annotations": {"propylon.dev/spread": "1f0c2a9b", "team": "a"},
            "labels": {"propylon.dev/delete-protection-state": "cooling"},
        }),
        Options(), "metadata",
        {"name": "web", "namespace": "shop", "annotations": {"team": "a"}},
    ),
    "annotations of the server only": (
        web(metadata={"annotations": {LAST_APPLIED: "{}"}}), Options(), "metadata.annotations", None
    ),
    "status": ({**web(), "status": {"replicas": 1}}, Options(), "status", None),
    "with status": (
        {**web(), "status": {"replicas": 1}}, Options(with_status=True), "status", {"replicas": 1}
    ),
    "infra container": (HIDDEN, Options(), "spec.template.spec.containers[1]", None),
    "operator sees O": (HIDDEN, Options(ActorClass.OPERATOR), "spec.paused", True),
    "developer does not": (HIDDEN, Options(), "spec.paused", None),
    "operator does not see I": (
        HIDDEN, Options(ActorClass.OPERATOR), "spec.template.spec.nodeSelector", None
    ),
    "platform sees all": (
        HIDDEN, Options(ActorClass.PLATFORM), "spec.template.spec.nodeSelector", {"pool": "web"}
    ),
    "empty volume stays one": (
        HIDDEN, Options(), "spec.template.spec.volumes", [{"name": "mem", "emptyDir": {}}]
    ),
    "own terms stay": (HIDDEN, Options(), "spec.template.spec.affinity", {
        "podAntiAffinity": {"a": 1},
    }),
    "token volume": (POD_OF_A_CONTROLLER, Options(), "spec", {"containers": [container(), container("b")]}),
    "token volume among others": (WITH_MOUNTS, Options(ActorClass.PLATFORM), "spec", {
        "containers": [container(volumeMounts=[{"name": "mem", "mountPath": "/mem"}])],
        "volumes": [{"name": "mem", "emptyDir": {}}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
    }),
    "nothing is left": (
        plain("Pod", {"tolerations": [DEFAULT_TOLERATION]}), Options(ActorClass.PLATFORM), "spec",
        None,
    ),
    "defaults": (DEFAULTED, Options(), "spec.template.spec", {
        "containers": [container(
            image="web:1", ports=[{"containerPort": 80}],
            livenessProbe={"httpGet": {"path": "/"}},
        )],
        "volumes": [{"name": "c", "configMap": {}}],
    }),
    "kept defaults": (DEFAULTED, KEEPING, "spec.template.spec.restartPolicy", "Always"),
    "defaults of a custom resource": (
        kruise("CloneSet", pod={"restartPolicy": "Always"}), Options(),
        "spec.template.spec.restartPolicy", "Always",
    ),
    "port of the node's network": (
        web(container(ports=[{"containerPort": 80, "hostPort": 80}]), hostNetwork=True),
        Options(ActorClass.PLATFORM), "spec.template.spec.containers[0].ports",
        [{"containerPort": 80}],
    ),
    "kind that nobody treats": (
        plain("ConfigMap", {"a": 1}, uid="1"), Options(), "metadata",
        {"name": "web", "namespace": "shop"},
    ),
    "no metadata": ({"kind": "Deployment", "apiVersion": "apps/v1"}, Options(), "metadata", None),
    "malformed": (
        plain("Deployment", {"template": {"spec": {"containers": "x", "volumes": [1]}}}, "apps/v1"),
        Options(), "spec.template.spec", {"containers": "x", "volumes": [1]},
    ),
    "unknown field": (web(nextYear=1), Options(), "spec.template.spec.nextYear", 1),
    "null": (web(nodeSelector=None), KEEPING, "spec.template.spec.nodeSelector", None),
}  # fmt: skip


@pytest.mark.parametrize(("value", "options", "path", "expected"), VIEWS.values(), ids=VIEWS)
def test_view(value: Any, options: Options, path: str, expected: Any) -> None:
    before = copy.deepcopy(value)
    seen = view(value, DEFAULT, options)
    assert value == before
    assert _at(seen, path) == expected
    assert view(seen, DEFAULT, options) == seen


def _at(value: Any, path: str) -> Any:
    steps = path.replace("[", ".[").split(".")
    return get(value, tuple(int(one[1:-1]) if one.startswith("[") else one for one in steps))


def test_not_even_an_object() -> None:
    assert view("text", DEFAULT) == "text"
    assert kind_of("text") is None


def test_sending_the_view_back_changes_nothing() -> None:
    """A-06: everything comes back, nothing rolls out, nobody is warned."""
    stored = tweak(HIDDEN, "metadata.uid", "1")
    outcome = mutate(update(stored, view(stored, DEFAULT, KEEPING)), DEFAULT)
    assert outcome.warnings == ()
    assert outcome.violations == ()
    assert same(outcome.object["spec"], stored["spec"])
    assert outcome.object["spec"]["template"] is stored["spec"]["template"]
    assert outcome.object["metadata"]["finalizers"] == ["shop.example/wait"]
    assert {treatment for _, treatment in notes(outcome)} == {"carried"}


def test_view_of_containers_named_by_the_template() -> None:
    key = "propylon.dev/infra-containers"
    stored = tweak(
        web(container(), container("mesh")),
        f'spec.template.metadata.annotations["{key}"]',
        "mesh, ",
    )
    seen = view(stored, DEFAULT)
    assert [one["name"] for one in seen["spec"]["template"]["spec"]["containers"]] == ["app"]
    outcome = mutate(update(stored, seen), DEFAULT)
    assert same(outcome.object["spec"]["template"], stored["spec"]["template"])


def test_no_hidden_place_is_left() -> None:
    seen = view(HIDDEN, DEFAULT)
    assert explain(seen, DEFAULT) == []
    assert explain(HIDDEN, DEFAULT, ActorClass.PLATFORM) == []


def test_explain_names_owner_and_reason_and_no_value() -> None:
    found = {one.path: (one.owner, one.reason) for one in explain(HIDDEN, DEFAULT)}
    assert found["spec.template.spec.nodeSelector"] == ("I", "placement")
    assert found["spec.paused"] == ("O", "an apply must not resume a roll-out")
    assert "spec.template.spec.containers[1: log-agent]" in found
    assert "web" not in {reason for _, reason in found.values()}


def test_locked_volume_stays_visible() -> None:
    """A developer may remove it, so leaving it out would remove it."""
    stored = web(volumes=[{"name": "h", "hostPath": {"path": "/"}}])
    assert same(view(stored, DEFAULT)["spec"]["template"]["spec"]["volumes"][0]["name"], "h")


def test_locked_fields_stay_visible_when_leaving_them_out_is_refused() -> None:
    stored = web(hostNetwork=True)
    strict = config(lockOmission="deny")
    assert view(stored, strict)["spec"]["template"]["spec"]["hostNetwork"] is True
    denied = mutate(update(stored, web()), strict)
    assert "hostNetwork" in denied.violations[0].message


def test_injected_parts_are_taken_out_first() -> None:
    seen = view(web(), DEFAULT, None, lambda value: tweak(value, "spec.replicas", 9))
    assert seen["spec"]["replicas"] == 9


JQ = {
    "$pod.nodeSelector": ".spec.template.spec.nodeSelector",
    '$meta.annotations["a.b/c"]': '.spec.template.metadata.annotations["a.b/c"]',
    "$containers[*].imagePullPolicy": ".spec.template.spec.containers[]?.imagePullPolicy",
    "$pod.volumes[?emptyDir].emptyDir.medium": (
        '.spec.template.spec.volumes[]? | select(has("emptyDir")).emptyDir.medium'
    ),
    "$pod.volumes[name=logs-*,?emptyDir]": (
        '.spec.template.spec.volumes[]? | select((.name | tostring | test("^logs-.*$"))'
        ' and has("emptyDir"))'
    ),
    'metadata.labels["a/*"]': (
        '.metadata.labels[(.metadata.labels // {} | keys[] | select(test("^a/.*$")))]'
    ),
}


@pytest.mark.parametrize(("path", "expected"), JQ.items(), ids=JQ)
def test_jq_paths(path: str, expected: str) -> None:
    used = config(extends="none", catalogue=[{"path": path, "kinds": ["Deployment"]}])
    (steps, *_) = changed_paths(used)["apps", "Deployment"]
    assert jq_path(steps) == expected


def test_gitops_settings_leave_out_what_is_refused_or_open() -> None:
    used = config(
        extends="none",
        catalogue=[
            {"path": "$pod.hostNetwork", "preset": "lock"},
            {"path": "$pod.shareProcessNamespace", "preset": "advise"},
            {"path": "spec.replicas", "kinds": ["Deployment"], "owner": "D"},
            {"path": "spec.strategy", "kinds": ["Deployment"]},
            {"path": "spec.type", "kinds": ["core/Service"]},
        ],
    )
    assert argo_cd(used) == {
        "resource.customizations.ignoreDifferences.apps_Deployment": (
            'jqPathExpressions:\n- ".spec.strategy"\n'
        ),
        "resource.customizations.ignoreDifferences.Service": (
            'jqPathExpressions:\n- ".spec.type"\n'
        ),
    }
    assert flux(used) == [
        {"paths": ["/spec/type"], "target": {"kind": "Service"}},
        {"paths": ["/spec/strategy"], "target": {"group": "apps", "kind": "Deployment"}},
    ]


def test_pointers_name_no_elements() -> None:
    paths = changed_paths(config())["apps", "Deployment"]
    pointers = [json_pointer(one) for one in paths]
    assert None in pointers
    assert "/metadata/annotations/deployment.kubernetes.io~1revision" in pointers


def test_pinned_fields_are_hidden() -> None:
    assert PINNED.keys().isdisjoint(view(web(), DEFAULT)["spec"]["template"]["spec"])
