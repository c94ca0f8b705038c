"""Rule B, case by case: the ids are those of platform-rules B.3, and the worked example G.2."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.builders import container, deployment, owned_by, pod, request, tweak
from tests.rules.documents import Spec, build, config, facts, field, literal, resource
from webhook.model import AdmissionRequest, Facts
from webhook.objects.patch import apply, diff
from webhook.rules.env import RULE

CONTROLLER = "system:serviceaccount:kube-system:replicaset-controller"
CONTROLLER_GROUPS = ("system:serviceaccounts", "system:serviceaccounts:kube-system")

ENV = "/spec/containers/0/env"
APP_A = container(env=[literal("A", "mine")])
SKIP = "propylon.dev/skip-env"


def rule(*env: dict[str, Any], **spec: Any) -> dict[str, Spec]:
    """One document, called r."""
    return {"r": {"env": list(env), **spec}}


A = literal("A", "platform")
KEEP_A = rule(A)
OVERRIDE_A = rule(A, conflict="override")


def add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def put(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


FACTS = facts()


@dataclass(frozen=True)
class Case:
    """A situation and what comes of it; `denied` are pieces of the message."""

    rules: dict[str, Spec]
    request: AdmissionRequest
    patch: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    facts: Facts = FACTS
    stage: str = "mutate"


def create(*containers: Any, **fields: Any) -> AdmissionRequest:
    return request(pod(*containers, **fields))


REPLACED = ("env: container app: A replaced by rule r",)
ADD_A = add(ENV, [A])
DEBUG_POD = pod(container(), ephemeralContainers=[container("old")])
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "shop"},
    "data": {"A": "theirs"},
}
FROM_MAP = {"configMapRef": {"name": "settings"}}
SIDECAR = container("proxy", restartPolicy="Always")
AGENT = "-javaagent:x"
JAVA = rule(literal("JAVA_TOOL_OPTIONS", AGENT), conflict="append")

CASES: dict[str, Case] = {
    "B-01": Case(KEEP_A, create(), [ADD_A]),
    "B-02": Case(KEEP_A, create(container(env=[])), [add(f"{ENV}/0", A)]),
    "B-02 null": Case(KEEP_A, create(container(env=None)), [put(ENV, [A])]),
    "B-03": Case(KEEP_A, create(container(env=[A])), []),
    "B-04": Case(KEEP_A, create(APP_A), []),
    "B-05": Case(
        OVERRIDE_A,
        create(container(env=[literal("Z", "1"), literal("A", "mine"), literal("Y", "2")])),
        [put(f"{ENV}/1", A)],
        REPLACED,
    ),
    "B-06": Case(
        OVERRIDE_A,
        create(container(env=[field("A", "metadata.name"), literal("Y", "2"), literal("Z", "3")])),
        [put(f"{ENV}/0", A)],
        REPLACED,
    ),
    "B-07": Case(
        rule(A, conflict="deny"),
        request(deployment(APP_A)),
        [],
        denied=("env: container app: A is set by the platform, rule r, remove it",),
        stage="validate",
    ),
    "B-07 Pod": Case(
        rule(A, conflict="deny"),
        replace(create(APP_A), user_info=request(user=CONTROLLER).user_info),
        [],
        denied=("container app: A ",),
    ),
    "B-08": Case(
        OVERRIDE_A,
        create(container(env=[literal("A", "1"), literal("A", "2")])),
        [put(f"{ENV}/1", A)],
        REPLACED,
    ),
    "B-09": Case(KEEP_A, create(container(env=[literal("A", "1"), literal("A", "2")])), []),
    "B-10": Case(
        rule(literal("URL", "http://$(HOST_IP):80"), field("HOST_IP", "status.hostIP")),
        create(container(env=[literal("MINE", "1")])),
        [
            add(f"{ENV}/0", field("HOST_IP", "status.hostIP")),
            add(f"{ENV}/1", literal("URL", "http://$(HOST_IP):80")),
        ],
    ),
    "B-11": Case(
        rule(literal("OPTS", "$(APP_OPTS) -x")),
        create(container(env=[literal("APP_OPTS", "-y"), literal("OTHER", "1")])),
        [add(f"{ENV}/2", literal("OPTS", "$(APP_OPTS) -x"))],
    ),
    "B-12": Case(
        rule(field("POD_NAME", "metadata.name")),
        create(container(env=[literal("ARGS", "$(POD_NAME)")])),
        [add(f"{ENV}/0", field("POD_NAME", "metadata.name"))],
    ),
    "B-13": Case(
        KEEP_A,
        create(container(env=[literal("ARGS", "$(A)"), literal("A", "mine")])),
        [],
    ),
    "B-14": Case(
        rule(A, match={"containers": {"kinds": ["app"]}}),
        create(initContainers=[container("init")]),
        [ADD_A],
    ),
    "B-15": Case(
        rule(A, match={"containers": {"kinds": ["app", "sidecar"]}}),
        create(initContainers=[container("init"), SIDECAR]),
        [ADD_A, add("/spec/initContainers/1/env", [A])],
    ),
    "B-16": Case(
        rule({**resource("CPU", "limits.cpu"), "onlyWithLimit": True}, A),
        create(
            container(resources={"limits": {"cpu": "1"}}), initContainers=[container("init")]
        ),
        [
            add(ENV, [resource("CPU", "limits.cpu"), A]),
            add("/spec/initContainers/0/env", [A]),
        ],
    ),
    "B-17": Case(
        rule(A, resource("CPU", "limits.cpu"), match={"containers": {"kinds": ["ephemeral"]}}),
        request(
            tweak(
                DEBUG_POD, "spec.ephemeralContainers", [container("old"), container("debug")]
            ),
            old=DEBUG_POD,
            operation="UPDATE",
            sub_resource="ephemeralcontainers",
        ),
        [add("/spec/ephemeralContainers/1/env", [A])],
    ),
    "B-18": Case(KEEP_A, request(pod(), old=pod(), operation="UPDATE"), []),
    "B-19": Case(KEEP_A, create(annotations={SKIP: "true"}), []),
    "B-19 mandatory": Case(
        {"r": {"env": [A], "mandatory": True}, "other": {"env": [literal("B", "b")]}},
        create(annotations={SKIP: "true"}),
        [ADD_A],
        (f"env: rule r is mandatory; annotation {SKIP} is ignored",),
    ),
    "B-20": Case(
        KEEP_A,
        create(annotations={SKIP: "maybe"}),
        [ADD_A],
        (f'env: annotation {SKIP}: "maybe" is neither true, false, a rule nor container:NAME',),
    ),
    "B-21": Case(
        KEEP_A,
        create(annotations={SKIP: "false"}),
        [ADD_A],
        facts=facts(annotations={SKIP: "true"}),
    ),
    "B-22": Case(
        rule(literal("TEAM", '{{namespace.labels["team"]}}'), A), create(), [ADD_A]
    ),
    "B-23": Case(
        rule(
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "absent", "key": "a"}}}
        ),
        create(),
        [
            add(
                ENV,
                [
                    {
                        "name": "A",
                        "valueFrom": {
                            "configMapKeyRef": {"key": "a", "name": "absent", "optional": True}
                        },
                    }
                ],
            )
        ],
    ),
    "B-24": Case(
        {"z": {"priority": 10, "env": [A]}, "b": {"priority": 20, "env": [literal("A", "no")]}},
        create(),
        [ADD_A],
    ),
    "B-25": Case(
        rule(A, respectEnvFrom=True),
        create(container(envFrom=[FROM_MAP])),
        [],
        facts=facts(CONFIG_MAP),
    ),
    "B-26": Case(
        rule(A, literal("APP_A", "platform"), respectEnvFrom=True),
        create(container(envFrom=[{**FROM_MAP, "prefix": "APP_"}])),
        [ADD_A],
        facts=facts(CONFIG_MAP),
    ),
    "B-27": Case(
        {"r": {"envFrom": [{"configMapRef": {"name": "settings"}}]}},
        create(container(envFrom=[FROM_MAP])),
        [],
    ),
    "B-28": Case(
        KEEP_A,
        create(container(env=[A]), container("late")),
        [add("/spec/containers/1/env", [A])],
    ),
    "B-29": Case(OVERRIDE_A, create(container(env=[A, literal("Z", "1")])), []),
    "B-30": Case(
        KEEP_A, create(annotations={"kubernetes.io/config.mirror": "1d2c"}), []
    ),
    "B-31": Case(
        rule(A, match={"namespaces": ["shop"]}),
        replace(
            request(
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"generateName": "web-"},
                    "spec": {"containers": [container()]},
                }
            ),
            namespace="shop",
        ),
        [ADD_A],
    ),
    "B-32": Case(
        JAVA,
        create(container(env=[literal("JAVA_TOOL_OPTIONS", f"-Xmx1g {AGENT} -ea")])),
        [],
    ),
    "B-33": Case(
        JAVA,
        create(container(env=[field("JAVA_TOOL_OPTIONS", "metadata.labels['java']")])),
        [],
        ("env: container app: JAVA_TOOL_OPTIONS kept, rule r cannot append to it",),
    ),
    "B-34": Case(rule(A, match={"os": "linux"}), create(os={"name": "windows"}), []),
    "B-35": Case(
        rule(field("POD_IP", "status.podIP")),
        request(
            {
                **pod(labels={"serving.knative.dev/revision": "web-00001"}),
                "metadata": {
                    "name": "web-00001-deployment-5d4f-x",
                    "namespace": "shop",
                    "labels": {"serving.knative.dev/revision": "web-00001"},
                    "ownerReferences": owned_by("ReplicaSet"),
                },
            },
            user=CONTROLLER,
            groups=CONTROLLER_GROUPS,
        ),
        [add(ENV, [field("POD_IP", "status.podIP")])],
    ),
    "B-36": Case(
        rule(literal("A", "$$(HOME) stays")), create(), [add(ENV, [literal("A", "$$(HOME) stays")])]
    ),
    "B-37": Case(KEEP_A, replace(create(), dry_run=True), [ADD_A]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_env_is_injected(case: Case) -> None:
    treat = RULE.mutate if case.stage == "mutate" else RULE.validate
    assert treat is not None
    outcome = treat(case.request, config(case.rules), case.facts)
    assert diff(case.request.object, outcome.object) == case.patch
    assert outcome.warnings == case.warnings
    message = "; ".join(one.message for one in outcome.violations)
    assert bool(message) is bool(case.denied)
    assert [piece for piece in case.denied if piece not in message] == []
    assert [(one.reason, one.code) for one in outcome.violations] == [
        ("Forbidden", 403) for _ in case.denied
    ]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_second_run_changes_nothing(case: Case) -> None:
    """B-28, B-29: reinvocation finds its own output and leaves it alone."""
    assert RULE.mutate is not None
    built = config(case.rules)
    first = RULE.mutate(case.request, built, case.facts)
    again = RULE.mutate(case.request.with_object(first.object), built, case.facts)
    assert again.object is first.object
    assert again.mutated_by == ()


def test_equal_priorities_go_by_the_rule_name() -> None:
    """B-24: an error at load, and still one answer at run time."""
    rules = {"z": {"env": [literal("A", "from z")]}, "b": {"env": [literal("A", "from b")]}}
    built, errors = build(rules)
    assert [(one.name, one.path, one.line) for one in errors] == [("z", "spec.env[0].name", 10)]
    assert errors[0].message == (
        "A has another value in 'b' with the same priority 100; "
        "'b' holds, give them different priorities"
    )
    assert RULE.mutate is not None
    outcome = RULE.mutate(create(), built, facts())
    assert diff(pod(), outcome.object) == [add(ENV, [literal("A", "from b")])]


IDENTITY: Spec = {
    "priority": 10,
    "env": [
        field("POD_NAME", "metadata.name"),
        field("HOST_IP", "status.hostIP"),
        literal("TRACE_URL", "http://$(HOST_IP):4318"),
    ],
}
CLUSTER: Spec = {
    "priority": 20,
    "conflict": "override",
    "env": [literal("CLUSTER", "{{cluster.name}}")],
}


def test_worked_example_g2() -> None:
    asked = request(
        pod(
            container(env=[literal("CLUSTER", "test"), literal("GREETING", "hi $(POD_NAME)")]),
            initContainers=[
                container("init-db"),
                container("proxy", restartPolicy="Always", env=[literal("POD_NAME", "x")]),
            ],
        ),
        user=CONTROLLER,
        groups=CONTROLLER_GROUPS,
    )
    assert RULE.mutate is not None
    outcome = RULE.mutate(asked, config({"cluster": CLUSTER, "identity": IDENTITY}), facts())
    name, host = field("POD_NAME", "metadata.name"), field("HOST_IP", "status.hostIP")
    trace, cluster = IDENTITY["env"][2], literal("CLUSTER", "cn-1")
    spec = outcome.object["spec"]
    assert spec["containers"][0]["env"] == [
        name, host, trace, cluster, literal("GREETING", "hi $(POD_NAME)"),
    ]  # fmt: skip
    assert spec["initContainers"][0]["env"] == [name, host, trace, cluster]
    assert spec["initContainers"][1]["env"] == [host, trace, cluster, literal("POD_NAME", "x")]
    patch = diff(asked.object, outcome.object)
    assert apply(patch, asked.object) == outcome.object
    assert [(one["op"], one["path"]) for one in patch] == [
        ("replace", "/spec/containers/0/env/0"),
        ("add", "/spec/containers/0/env/0"),
        ("add", "/spec/containers/0/env/1"),
        ("add", "/spec/containers/0/env/2"),
        ("add", "/spec/initContainers/0/env"),
        ("add", "/spec/initContainers/1/env/0"),
        ("add", "/spec/initContainers/1/env/1"),
        ("add", "/spec/initContainers/1/env/2"),
    ]
    assert outcome.warnings == ("env: container app: CLUSTER replaced by rule cluster",)
    assert outcome.audit_annotations["env"].startswith(
        '[{"path":"spec.containers[0]","rule":"identity","treatment":"added",'
        '"names":["POD_NAME","HOST_IP","TRACE_URL"]},'
        '{"path":"spec.containers[0]","rule":"cluster","treatment":"replaced","names":["CLUSTER"]}'
    )
    assert outcome.mutated_by == ("EnvInjection/identity", "EnvInjection/cluster")
