"""Rule A, case by case: the ids are those of platform-rules A.13, and the worked example G.1."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.builders import container, owned_by, pod, request, tweak
from tests.rules.hiding import (
    ADMIN,
    DEFAULT,
    KUBE_SYSTEM,
    NOTHING_KNOWN,
    PINNED,
    POD,
    config,
    kruise,
    mutate,
    plain,
    update,
    validate,
    web,
    with_pod,
)
from webhook.engine import decide
from webhook.ledger.records import outcome_of
from webhook.model import Action, AdmissionRequest, Decision, Document, Facts, List, NeedFacts
from webhook.objects.patch import apply, diff
from webhook.registration import registrations
from webhook.rules.hide import Config
from webhook.snapshot import build

HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
}
HPAS = List("autoscaling/v2", "HorizontalPodAutoscaler", "shop")
SCALED = Facts({HPAS: [HPA]})
UNSCALED = Facts({HPAS: []})


def add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def put(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def cut(path: str) -> dict[str, Any]:
    return {"op": "remove", "path": path}


@dataclass(frozen=True)
class Case:
    """A request and what comes of it; `denied` are pieces of the message."""

    request: AdmissionRequest
    patch: list[dict[str, Any]] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    config: Config = DEFAULT
    facts: Facts = NOTHING_KNOWN


SPEC = "/spec/template/spec"
GOLD = {"priorityClassName": "gold"}
PLATFORM = web(**GOLD)
NEW_IMAGE = container(image="web:2")


def create(value: Any, **fields: Any) -> AdmissionRequest:
    return request(value, **fields)


def system(name: str, *groups: str) -> dict[str, Any]:
    return {"user": name, "groups": groups or KUBE_SYSTEM}


RS_CONTROLLER = system("system:serviceaccount:kube-system:replicaset-controller")
PROFILE = {"seccompProfile": {"type": "RuntimeDefault"}}
AGENT = container("log-agent", volumeMounts=[{"name": "logs", "mountPath": "/logs"}])
LOGS = {"name": "logs", "emptyDir": {}}
INFRA = config(infraContainers=["log-agent"])
LOCKED_INFRA = config(
    catalogue=[{"path": "$pod.containers[name=log-*]", "preset": "lock"}],
)
HOST = {"name": "h", "hostPath": {"path": "/"}}
HOST_MOUNT = {"name": "h", "mountPath": "/data"}
HOSTED = web(container(volumeMounts=[HOST_MOUNT]), volumes=[HOST])
OWN_SPEC: dict[str, Any] = {"nodeSelector": {"pool": "gpu"}, **PINNED}
OWN_POD = pod(container(), **OWN_SPEC)
FORGED = tweak(OWN_POD, "metadata.ownerReferences", owned_by("ReplicaSet"))
EIGHT = web(
    container(terminationMessagePath="/logs/end", terminationMessagePolicy="FallbackToLogsOnError"),
    nodeSelector={"pool": "web"},
    priorityClassName="gold",
    runtimeClassName="kata",
    schedulerName="batch",
    tolerations=[{"key": "dedicated", "operator": "Exists"}],
    hostAliases=[{"ip": "10.0.0.1", "hostnames": ["db"]}],
)
VIEW_OF_EIGHT = web()
APP, PROXY = container(securityContext=PROFILE), container("proxy")
PINNING = config(catalogue=[{"path": "$pod.dnsPolicy", "preset": "pin", "value": "None"}])
SERVICE = plain(
    "Service",
    {
        "type": "ClusterIP",
        "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1"],
        "ports": [{"name": "http", "port": 80, "nodePort": 30080}],
    },
)
INGRESS = plain("Ingress", {"rules": [{"host": "a.example"}]}, "networking.k8s.io/v1")
CLAIM = plain("PersistentVolumeClaim", {"accessModes": ["ReadWriteOnce"]})
PULLED = container(image="web:1.0", imagePullPolicy="IfNotPresent")
JOB = {
    **web(),
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": web()["spec"]["template"]},
}
NOISY = plain(
    "Service", {}, annotations={f"service.beta.kubernetes.io/a{at:02}": "x" for at in range(40)}
)
UNITED = plain(
    "UnitedDeployment",
    {"topology": {"subsets": [{"name": "a", "patch": {"spec": {"hostNetwork": True}}}]}},
    "apps.kruise.io/v1alpha1",
)
ROLLOUT = plain(
    "Rollout",
    {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    "argoproj.io/v1alpha1",
)
DAEMONS = {**web(), "kind": "DaemonSet"}
PAUSED = tweak(web(), "spec.paused", True)
ROLLED = tweak(web(), "spec.replicas", 7)
SCALE = {
    "apiVersion": "autoscaling/v1",
    "kind": "Scale",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 7},
}
KEPT_GOLD = 'hide: spec.template.spec.priorityClassName kept at "gold" (set by the platform)'
FINALIZERS = web(metadata={"finalizers": ["shop.example/wait"], "uid": "1"})
OWNED = web(
    metadata={"ownerReferences": owned_by("Team", api_version="shop.example/v1"), "uid": "1"}
)


def scale(count: int, **fields: Any) -> AdmissionRequest:
    """A developer's `kubectl scale deployment/web`."""
    deployments = request(web()).resource
    new = tweak(SCALE, "spec.replicas", count)
    return update(SCALE, new, sub_resource="scale", **{"resource": deployments, **fields})


def clone_set(version: str, **fields: Any) -> Any:
    return kruise("CloneSet", version, **fields)


FLAT = clone_set("v1alpha1", updateStrategy={"partition": "80%"})
NESTED = clone_set("v1beta1", updateStrategy={"rollingUpdate": {"partition": "80%"}})
IMAGE = "spec.template.spec.containers[0].image"
LAST_LOGS = container(terminationMessagePolicy="FallbackToLogsOnError")

CASES: dict[str, Case] = {
    "A-01": Case(
        create(web(priorityClassName="gold", nodeSelector={"pool": "gpu"})),
        [cut(f"{SPEC}/nodeSelector"), cut(f"{SPEC}/priorityClassName")],
        (
            "hide: spec.template.spec.nodeSelector removed",
            "hide: spec.template.spec.priorityClassName removed",
        ),
    ),
    "A-02": Case(
        create(web(priorityClassName="gold", nodeSelector={"pool": "gpu"}), groups=ADMIN)
    ),
    "A-03": Case(
        update(PLATFORM, web(NEW_IMAGE)), [add(f"{SPEC}/priorityClassName", "gold")]
    ),
    "A-04": Case(
        update(PLATFORM, web(priorityClassName="silver")),
        [put(f"{SPEC}/priorityClassName", "gold")],
        (KEPT_GOLD,),
    ),
    "A-05": Case(update(PLATFORM, copy.deepcopy(PLATFORM))),
    "A-06": Case(
        update(EIGHT, VIEW_OF_EIGHT),
        [
            add(f"{SPEC}/containers/0/terminationMessagePath", "/logs/end"),
            add(f"{SPEC}/containers/0/terminationMessagePolicy", "FallbackToLogsOnError"),
            add(f"{SPEC}/hostAliases", [{"ip": "10.0.0.1", "hostnames": ["db"]}]),
            add(f"{SPEC}/nodeSelector", {"pool": "web"}),
            add(f"{SPEC}/priorityClassName", "gold"),
            add(f"{SPEC}/runtimeClassName", "kata"),
            add(f"{SPEC}/schedulerName", "batch"),
            add(f"{SPEC}/tolerations", [{"key": "dedicated", "operator": "Exists"}]),
        ],
    ),
    "A-07": Case(
        update(web(APP, PROXY), web(PROXY, container(image="web:2"))),
        [add(f"{SPEC}/containers/1/securityContext", PROFILE)],
    ),
    "A-08": Case(
        update(web(APP), web(container("api"))),
        warnings=("hide: container app → api: platform settings were not copied",),
    ),
    "A-09": Case(
        update(web(container(), AGENT, volumes=[LOGS]), web(NEW_IMAGE)),
        [add(f"{SPEC}/containers/1", AGENT), add(f"{SPEC}/volumes", [LOGS])],
        ("hide: container log-agent brought back (platform container)",),
        config=INFRA,
    ),
    "A-10": Case(
        create(web(container(), container("log-agent"))),
        [cut(f"{SPEC}/containers/1")],
        ("hide: container log-agent removed (platform container)",),
        config=INFRA,
    ),
    "A-10 lock": Case(
        create(web(container(), container("log-agent"))),
        denied=("hide: container log-agent is reserved for the platform",),
        config=LOCKED_INFRA,
    ),
    "A-11": Case(
        create(HOSTED),
        denied=("hide: volume h uses hostPath (mounted by container app at /data). Ask",),
    ),
    "A-12": Case(update(HOSTED, tweak(HOSTED, IMAGE, "web:2"))),
    "A-13": Case(update(HOSTED, web())),
    "A-14": Case(create(FORGED, **RS_CONTROLLER)),
    "A-15": Case(
        create(FORGED),
        [cut("/metadata/ownerReferences"), cut("/spec/nodeSelector")],
        ("hide: metadata.ownerReferences removed", "hide: spec.nodeSelector removed"),
    ),
    "A-16": Case(create(FORGED, **system("system:kube-controller-manager", "system:authenticated"))),
    "A-17": Case(
        update(web(), web(nodeSelector={"pool": "gpu"})),
        [cut(f"{SPEC}/nodeSelector")],
        ("hide: spec.template.spec.nodeSelector removed",),
    ),
    "A-19": Case(
        create(web(nodeSelector={"pool": "gpu"}), dry_run=True),
        [cut(f"{SPEC}/nodeSelector")],
        ("hide: spec.template.spec.nodeSelector removed",),
    ),
    "A-20": Case(
        update(
            web(container(image="web:latest", imagePullPolicy="IfNotPresent")),
            web(container(image="web:latest", imagePullPolicy="Always", env=[{"name": "A", "value": "1"}])),
        ),
        [put(f"{SPEC}/containers/0/imagePullPolicy", "IfNotPresent")],
    ),
    "A-21": Case(
        update(web(PULLED), web(container(image="web:latest", imagePullPolicy="Always"))),
    ),
    "A-21 no default yet": Case(update(web(PULLED), web(container(image="web:latest")))),
    "A-22": Case(
        update(web(), tweak(web(), "metadata.labels", {"team": "a"})), config=PINNING
    ),
    "A-23": Case(
        update(web(), web(NEW_IMAGE)), [add(f"{SPEC}/dnsPolicy", "None")], config=PINNING
    ),
    "A-24": Case(
        update(ROLLED, tweak(web(), "spec.replicas", 3)),
        [put("/spec/replicas", 7)],
        ("hide: spec.replicas kept at 7 (managed by autoscaler)",),
        facts=SCALED,
    ),
    "A-24 by an entry": Case(
        update(ROLLED, tweak(web(), "spec.replicas", 3)),
        [put("/spec/replicas", 7)],
        ("hide: spec.replicas kept at platform value",),
        config=config(
            freezeAutoscaled=False,
            catalogue=[
                {"path": "spec.replicas", "kinds": ["Deployment"], "owner": "O", "preset": "freeze"}
            ],
        ),
    ),
    "A-24 not scaled": Case(update(ROLLED, tweak(web(), "spec.replicas", 3)), facts=UNSCALED),
    "A-25": Case(
        scale(3), denied=("Deployment web: scaling is managed by an autoscaler",), facts=SCALED
    ),
    "A-25 not scaled": Case(scale(3), facts=UNSCALED),
    "A-26": Case(
        scale(3, **system("system:serviceaccount:kube-system:horizontal-pod-autoscaler")),
        facts=SCALED,
    ),
    "A-27": Case(
        update(PAUSED, tweak(web(), IMAGE, "web:2")), [add("/spec/paused", True)]
    ),
    "A-28": Case(
        update(FLAT, tweak(clone_set("v1alpha1"), IMAGE, "web:2")),
        [add("/spec/updateStrategy", {"partition": "80%"})],
    ),
    "A-29": Case(
        update(
            clone_set("v1alpha1", pod={"containers": [LAST_LOGS, PROXY]}),
            clone_set("v1alpha1", pod={"containers": [PROXY, NEW_IMAGE]}),
        ),
        [add(f"{SPEC}/containers/1/terminationMessagePolicy", "FallbackToLogsOnError")],
    ),
    "A-30": Case(
        update(FINALIZERS, web(metadata={"uid": "1"})),
        [add("/metadata/finalizers", ["shop.example/wait"])],
        ("hide: metadata.finalizers kept at platform value",),
    ),
    "A-30 owner": Case(
        update(OWNED, web(metadata={"uid": "1"})),
        [add("/metadata/ownerReferences", OWNED["metadata"]["ownerReferences"])],
        ("hide: metadata.ownerReferences kept at platform value",),
    ),
    "A-31": Case(
        update(
            FINALIZERS,
            web(),
            **system("system:serviceaccount:kube-system:generic-garbage-collector"),
        )
    ),
    "A-32": Case(
        update(SERVICE, tweak(SERVICE, "spec.type", "LoadBalancer")),
        denied=("hide: spec.type is reserved for the platform. Ask the platform team or remove it",),
    ),
    "A-33": Case(
        update(SERVICE, plain("Service", {"type": "ClusterIP", "ports": [{"port": 80}]})),
        [
            add("/spec/clusterIP", "10.0.0.1"),
            add("/spec/clusterIPs", ["10.0.0.1"]),
            add("/spec/ports/0/nodePort", 30080),
        ],
    ),
    "A-34": Case(
        create(
            tweak(
                INGRESS,
                'metadata.annotations["nginx.ingress.kubernetes.io/configuration-snippet"]',
                "return 200;",
            )
        ),
        denied=('metadata.annotations["nginx.ingress.kubernetes.io/configuration-snippet"]',),
    ),
    "A-35": Case(
        create(tweak(CLAIM, "spec.volumeName", "pv-other")), denied=("hide: spec.volumeName ",)
    ),
    "A-36": Case(
        update(tweak(JOB, f"{POD}.nodeSelector", {"pool": "web"}), JOB),
        [add(f"{SPEC}/nodeSelector", {"pool": "web"})],
    ),
    "A-37": Case(
        update(PLATFORM, with_pod(PLATFORM, priorityClassName=None)),
        [put(f"{SPEC}/priorityClassName", "gold")],
    ),
    "A-38": Case(
        update(web(securityContext={"fsGroup": 2000}), web(NEW_IMAGE)),
        [add(f"{SPEC}/securityContext", {"fsGroup": 2000})],
    ),
    "A-39": Case(
        update(web(), web(securityContext={"fsGroup": 1})),
        [cut(f"{SPEC}/securityContext")],
        ("hide: spec.template.spec.securityContext.fsGroup removed",),
    ),
    "A-40": Case(
        create(NOISY),
        [cut("/metadata/annotations")],
        (
            *(
                f'hide: metadata.annotations["service.beta.kubernetes.io/a{at:02}"] removed'
                for at in range(10)
            ),
            "hide: and 30 more; see the audit annotation",
        ),
    ),
    "A-42": Case(
        update(
            FINALIZERS,
            web(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}, nodeName="n1"),
        )
    ),
    "A-43": Case(
        update(
            web(NEW_IMAGE, tolerations=[{"key": "dedicated", "operator": "Exists"}]),
            web(container(image="web:1")),
        ),
        [add(f"{SPEC}/tolerations", [{"key": "dedicated", "operator": "Exists"}])],
    ),
    "A-44": Case(
        create(DAEMONS), denied=("hide: kind DaemonSet is reserved for the platform.",)
    ),
    "A-45": Case(update(PLATFORM, web(NEW_IMAGE, priorityClassName="gold"))),
    "A-46": Case(
        update(
            web(container(securityContext=PROFILE)),
            web(container(image="web:2"), container(image="web:3")),
        ),
        [add(f"{SPEC}/containers/0/securityContext", PROFILE)],
    ),
    "A-47": Case(create(UNITED), denied=("spec.topology.subsets[0: a].patch is reserved",)),
    "A-48": Case(
        update(ROLLOUT, tweak(ROLLOUT, "spec.replicas", 2)),
    ),
    "A-48 the Deployment": Case(
        create(web(nodeSelector={"pool": "gpu"})),
        [cut(f"{SPEC}/nodeSelector")],
        ("hide: spec.template.spec.nodeSelector removed",),
    ),
    "A-49": Case(
        create(web(nodeSelector={"pool": "gpu"}), user="dev"),
        [cut(f"{SPEC}/nodeSelector")],
        ("hide: spec.template.spec.nodeSelector removed",),
    ),
    "A-50": Case(
        update(web(nodeSelector={"pool": "mine"}), web()),
        [add(f"{SPEC}/nodeSelector", {"pool": "mine"})],
    ),
    "A-51": Case(
        update(
            PLATFORM,
            web(priorityClassName="silver"),
            options={"kind": "PatchOptions", "force": True, "fieldManager": "alice"},
        ),
        [put(f"{SPEC}/priorityClassName", "gold")],
        (KEPT_GOLD,),
    ),
    "A-52": Case(
        update(NESTED, tweak(clone_set("v1beta1"), IMAGE, "web:2")),
        [add("/spec/updateStrategy", {"rollingUpdate": {"partition": "80%"}})],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    before = copy.deepcopy(case.request.object)
    outcome = mutate(case.request, case.config, case.facts)
    assert case.request.object == before
    denied = [one for one in outcome.violations if one.action is Action.DENY]
    assert bool(denied) is bool(case.denied)
    assert all(part in denied[0].message for part in case.denied)
    assert {(one.code, one.reason) for one in denied} <= {(403, "Forbidden")}
    assert diff(case.request.object, outcome.object) == case.patch
    assert apply(case.patch, case.request.object) == outcome.object
    assert sorted(outcome.warnings) == sorted(case.warnings)
    again = mutate(case.request.with_object(outcome.object), case.config, case.facts)
    assert again.object is outcome.object
    assert case.denied or [one for one in again.warnings if " → " not in one] == []
    judged = validate(case.request.with_object(outcome.object), case.config, case.facts)
    is_pod = case.request.kind.kind == "Pod"
    assert bool(judged.violations) is (bool(case.denied) and not is_pod)


MANAGER = {
    "manager": "alice",
    "operation": "Apply",
    "apiVersion": "apps/v1",
    "fieldsType": "FieldsV1",
    "fieldsV1": {
        "f:spec": {"f:template": {"f:spec": {"f:priorityClassName": {}, "f:restartPolicy": {}}}}
    },
}
LEFT: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {"f:restartPolicy": {}}}}}
CLAIMED: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {"f:priorityClassName": {}}}}}
OWNERS: dict[str, dict[str, Any]] = {
    "leave": {"alice": MANAGER["fieldsV1"]},
    "release": {"alice": LEFT},
    "claim": {"alice": LEFT, "propylon.dev": CLAIMED},
}


@pytest.mark.parametrize(("setting", "expected"), OWNERS.items(), ids=OWNERS)
def test_a_18_ownership_of_hidden_fields(setting: str, expected: dict[str, Any]) -> None:
    """With `leave` the developer's manager keeps the path, so an unforced apply gets 409 (F-03)."""
    managed = {"managedFields": [MANAGER], "uid": "1"}
    asked = update(
        web(priorityClassName="gold", metadata={"uid": "1"}),
        web(priorityClassName="silver", metadata=managed),
        options={"fieldManager": "alice"},
    )
    after = mutate(asked, config(managedFields=setting)).object
    found = {one["manager"]: one["fieldsV1"] for one in after["metadata"]["managedFields"]}
    assert found == expected


def test_a_41_namespaces_of_the_system_are_left_alone() -> None:
    """The entry does not send them (`NotIn` by name); what arrives all the same is untouched."""
    text = "apiVersion: propylon.dev/v1\nkind: HiddenFields\nmetadata: {name: a}\nspec: {phase: enforce}"
    snapshot = build([Document("a.yaml", text)])
    entry = next(one for one in registrations(snapshot) if one.path == "hide" and one.mutating)
    hidden = create(web(nodeSelector={"pool": "gpu"}))
    assert decide(hidden, entry, snapshot, NOTHING_KNOWN).object_after is not hidden.object
    system_write = replace(hidden, namespace="kube-system")
    decision = decide(system_write, entry, snapshot, NOTHING_KNOWN)
    assert decision.object_after is hidden.object
    assert decision.warnings == ()


UNMANAGED = {
    "excluded": {"excludeNamespaces": ["sh*"]},
    "not listed": {"namespaces": ["team-*"]},
}


@pytest.mark.parametrize("spec", UNMANAGED.values(), ids=UNMANAGED)
def test_a_41_namespaces_of_the_document(spec: dict[str, Any]) -> None:
    asked = create(web(nodeSelector={"pool": "gpu"}))
    outcome = mutate(asked, config(**spec))
    assert (outcome.object is asked.object, outcome.warnings) == (True, ())


def test_a_53_unknown_fields_are_the_api_servers_matter() -> None:
    """With strict validation such a request never comes here; otherwise the field is kept."""
    asked = create(web(container(imagePulPolicy="Always"), priorityClassNam="gold"))
    assert mutate(asked).object is asked.object


def test_a_22_drift_is_reported() -> None:
    case = CASES["A-22"]
    assert '"treatment":"drift"' in mutate(case.request, case.config).audit_annotations["hide"]


NOT_ROLLED_OUT = ("A-05", "A-06", "A-17", "A-22", "A-36", "A-37", "A-51")


@pytest.mark.parametrize("name", NOT_ROLLED_OUT)
def test_template_is_as_stored(name: str) -> None:
    """Nothing rolls out, and the API server sees no change of an immutable template (A-36)."""
    case = CASES[name]
    after = mutate(case.request, case.config, case.facts).object
    assert after["spec"]["template"] == case.request.old_object["spec"]["template"]


def test_a_17_ten_applies_of_a_field_that_is_stripped() -> None:
    """Each is told once; from the first on the object stays, so its resourceVersion does."""
    manifest = web(nodeSelector={"pool": "gpu"})
    stored = mutate(create(manifest)).object
    for _ in range(10):
        outcome = mutate(update(stored, copy.deepcopy(manifest)))
        assert outcome.warnings == ("hide: spec.template.spec.nodeSelector removed",)
        assert outcome.object == stored


def test_a_19_a_dry_run_gets_the_same_and_leaves_no_record() -> None:
    options = {"kind": "PatchOptions", "fieldManager": "alice", "dryRun": ["All"]}
    real = update(web(), web(nodeSelector={"pool": "gpu"}), options={**options, "dryRun": None})
    dry = replace(real, dry_run=True, options=options)
    assert mutate(dry) == mutate(real)
    for asked, expected in ((real, "warned"), (dry, None)):
        outcome = mutate(asked)
        decision = Decision(True, "", object_after=outcome.object, warnings=outcome.warnings)
        assert outcome_of(asked, decision) == expected


def test_a_51_ownership_moved_and_stays_so() -> None:
    """With `leave` managedFields are the API server's, also where the value is overruled (F-04)."""
    case, managed = CASES["A-51"], {"managedFields": [MANAGER]}
    asked = case.request.with_object({**case.request.object, "metadata": managed})
    assert mutate(asked).object["metadata"] == managed


REMOVED_AT = "propylon.dev/protection-removed-at"


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_marks_that_other_rules_wrote_are_no_change(field: str) -> None:
    """Called again behind rule E, which has cleared its marks, rule A still sees an echo (0.6)."""
    marks = {"labels": "propylon.dev/delete-protection-state", "annotations": REMOVED_AT}
    old = tweak(web(), "spec.revisionHistoryLimit", 9)
    marked = tweak(old, ("metadata", field), {marks[field]: "x", "team": "a"})
    cleared = tweak(old, ("metadata", field), {"team": "a"})
    assert mutate(update(marked, cleared)).object is cleared
    other = tweak(old, ("metadata", field), {"team": "b"})
    assert mutate(update(marked, other)).object["spec"]["revisionHistoryLimit"] == 5


def test_drift_alone_is_no_change() -> None:
    """A template that stands as it is stored is not put in its own place (nor into records)."""
    used = config(
        infraContainers=["log-*"],
        catalogue=[
            {"path": "$pod.dnsPolicy", "preset": "pin", "value": "None"},
            {"path": "$containers[*].imagePullPolicy", "preset": "pin", "value": "Always"},
        ],
    )
    old = web(container(), AGENT)
    asked = update(old, tweak(copy.deepcopy(old), "metadata.labels", {"team": "a"}))
    outcome = mutate(asked, used)
    assert (outcome.object is asked.object, outcome.mutated_by) == (True, ())
    assert '"treatment":"drift"' in outcome.audit_annotations["hide"]


def unowned_env() -> tuple[Any, Any]:
    """A template with a variable that a webhook added, stored and as its manifest has it."""
    fields: Any = {
        "f:spec": {
            "f:template": {
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"app"}': {
                            "f:name": {},
                            "f:image": {},
                            "f:env": {'k:{"name":"MINE"}': {}},
                        }
                    }
                }
            }
        }
    }
    mine = {"name": "MINE", "value": "1"}
    stored = web(
        container(env=[{"name": "CLUSTER", "value": "cn-1"}, mine]),
        metadata={"managedFields": [{"manager": "alice", "fieldsV1": fields}], "uid": "1"},
    )
    return stored, web(container(env=[mine]))


def test_a_22_what_a_webhook_had_added_is_no_change_either() -> None:
    """A full replacement leaves it out: no reason to bring in what the platform wants by now."""
    stored, manifest = unowned_env()
    after = mutate(update(stored, manifest), PINNING).object
    assert after["spec"]["template"] == stored["spec"]["template"]
    image = tweak(manifest, IMAGE, "web:2")
    after = mutate(update(stored, image), PINNING).object
    assert after["spec"]["template"]["spec"]["dnsPolicy"] == "None"


def test_a_22_a_manifest_that_has_the_new_value_rolls_nothing_out_either() -> None:
    """It had been stripped when nothing pinned it; hidden fields alone are no change (0.7)."""
    manifest = web(dnsPolicy="None")
    stored = mutate(create(manifest)).object
    assert "dnsPolicy" not in stored["spec"]["template"]["spec"]
    again = mutate(update(stored, manifest), PINNING)
    assert again.object["spec"]["template"] == stored["spec"]["template"]
    image = tweak(manifest, IMAGE, "web:2")
    after = mutate(update(stored, image), PINNING).object
    assert after["spec"]["template"]["spec"]["dnsPolicy"] == "None"


def test_a_24_the_autoscaler_is_asked_for_only_when_replicas_change() -> None:
    with pytest.raises(NeedFacts) as need:
        mutate(CASES["A-24"].request, DEFAULT, Facts())
    assert need.value.lookups == {HPAS}
    assert mutate(CASES["A-03"].request, DEFAULT, Facts()).mutated_by == ("HiddenFields/default",)


def test_a_40_audit_annotation_has_all() -> None:
    assert mutate(CASES["A-40"].request).audit_annotations["hide"].count("removed") == 40


STABLE = "/spec/template/spec"


def worked_example() -> tuple[AdmissionRequest, Config]:
    """G.1: the values that the catalogue pins are in place on both sides."""
    app = container(
        image="web:1", terminationMessagePolicy="FallbackToLogsOnError", securityContext=PROFILE
    )
    old = web(
        app,
        container("log-agent"),
        priorityClassName="gold",
        nodeSelector={"pool": "web"},
        tolerations=[{"key": "dedicated", "operator": "Equal", "value": "web"}],
    )
    env = [{"name": "A", "value": "1"}]
    new = web(
        container(image="web:2", terminationMessagePolicy="File", env=env),
        nodeSelector={"pool": "gpu"},
    )
    return update(old, new), INFRA


def test_worked_example() -> None:
    asked, used = worked_example()
    outcome = mutate(asked, used)
    assert diff(asked.object, outcome.object) == [
        add(f"{STABLE}/containers/0/securityContext", PROFILE),
        put(f"{STABLE}/containers/0/terminationMessagePolicy", "FallbackToLogsOnError"),
        add(f"{STABLE}/containers/1", container("log-agent")),
        put(f"{STABLE}/nodeSelector/pool", "web"),
        add(f"{STABLE}/priorityClassName", "gold"),
        add(f"{STABLE}/tolerations", [{"key": "dedicated", "operator": "Equal", "value": "web"}]),
    ]
    assert outcome.warnings == (
        "hide: spec.template.spec.nodeSelector kept at platform value",
        "hide: container log-agent brought back (platform container)",
    )
    again = mutate(asked.with_object(outcome.object), used)
    assert (again.object is outcome.object, again.warnings) == (True, ())


def test_worked_example_without_a_change_of_the_developer_rolls_nothing_out() -> None:
    asked, used = worked_example()
    image = tweak(asked.object, IMAGE, "web:1")
    asked = asked.with_object(tweak(image, f"{POD}.containers[0].env", None))
    assert mutate(asked, used).object["spec"]["template"] is asked.old_object["spec"]["template"]


def test_worked_example_of_a_denial() -> None:
    asked = create(with_pod(HOSTED, hostNetwork=True))
    first = mutate(asked).violations[0]
    assert first.message == (
        "hide: spec.template.spec.hostNetwork is reserved for the platform; volume h uses hostPath"
        " (mounted by container app at /data). Ask the platform team or remove them."
    )
    assert (first.code, first.reason) == (403, "Forbidden")
