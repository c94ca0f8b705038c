"""Which entries exist, where they are reached, and how the configurations spell them."""

import json
from typing import Any

import pytest

from tests.rules.documents import facts
from tests.rules.protection import ALWAYS, create, delete, shop, system, thing, update, web
from webhook.engine import decide
from webhook.model import AdmissionRequest, Document, Platform, Registration
from webhook.registration import Client, registrations, render, route, widen
from webhook.snapshot import EMPTY, Snapshot, build

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {name}}}
spec:
  failurePolicy: {failure_policy}
  matchConstraints:
    resourceRules:
      - {{apiGroups: ['{group}'], apiVersions: [{version}], operations: [CREATE], resources: [{resource}]}}
  validations: [{{expression: "true"}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {name}}}
spec: {{policyName: {name}, validationActions: [Deny]}}
---
"""
ENV = """
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: NAME}
spec:
  env: [{name: CLUSTER, value: cn-1}]
"""
HIDE = "apiVersion: propylon.dev/v1\nkind: HiddenFields\nmetadata: {name: a}\nspec: {PHASE}\n"
SPREAD = "apiVersion: propylon.dev/v1\nkind: Spreading\nmetadata: {name: spread}\nspec: {SPEC}\n"
LXCFS = "apiVersion: propylon.dev/v1\nkind: LxcfsInjection\nmetadata: {name: lxcfs}\nspec: {}\n"
PROTECTION = "apiVersion: propylon.dev/v1\nkind: DeletionProtection\nmetadata: {name: p}\n"


def policy(
    name: str,
    group: str = "apps",
    resource: str = "deployments",
    version: str = "v1",
    failure_policy: str = "Fail",
) -> str:
    return POLICY.format(
        name=name, group=group, resource=resource, version=version, failure_policy=failure_policy
    )


def snapshot(*texts: str, platform: Platform | None = None) -> Snapshot:
    documents = [Document(f"{at}.yaml", text) for at, text in enumerate(texts)]
    built = build(documents, None, platform)
    assert built.errors == ()
    return built


def env(name: str = "a", extra: str = "") -> str:
    return ENV.replace("NAME", name) + extra


def hide(spec: str = "phase: enforce") -> str:
    return HIDE.replace("PHASE", spec)


def spread(spec: str = "") -> str:
    return SPREAD.replace("SPEC", spec)


def names(entries: tuple[Registration, ...]) -> list[str]:
    return [f"{'mutating' if one.mutating else 'validating'} {one.name}" for one in entries]


ENTRIES: dict[str, tuple[Snapshot, list[str]]] = {
    "rule E": (
        snapshot(PROTECTION),
        [
            "validating protect.propylon.dev",
            "mutating protect-state.propylon.dev",
            "validating protect-owners.propylon.dev",
            "validating protect-namespaces.propylon.dev",
            "validating protect-crds.propylon.dev",
            "validating protect-scale.propylon.dev",
            "validating protect-evictions.propylon.dev",
            "validating documents.propylon.dev",
            "validating documents-grants.propylon.dev",
        ],
    ),
    "nothing in force": (
        snapshot(),
        ["validating documents.propylon.dev", "validating documents-grants.propylon.dev"],
    ),
    "rule A": (
        snapshot(hide()),
        [
            "mutating hide.propylon.dev",
            "validating hide.propylon.dev",
            "validating documents.propylon.dev",
            "validating documents-grants.propylon.dev",
        ],
    ),
    "rule D": (
        snapshot(spread()),
        [
            "mutating spread.propylon.dev",
            "validating spread.propylon.dev",
            "validating documents.propylon.dev",
            "validating documents-grants.propylon.dev",
        ],
    ),
    "rule D, warnings": (
        snapshot(spread("phase: warn")),
        [
            "mutating spread.propylon.dev",
            "validating documents.propylon.dev",
            "validating documents-grants.propylon.dev",
        ],
    ),
    "rule D, off": (
        snapshot(spread("phase: off")),
        ["validating documents.propylon.dev", "validating documents-grants.propylon.dev"],
    ),
    "rule A, off": (
        snapshot(hide("phase: off")),
        ["validating documents.propylon.dev", "validating documents-grants.propylon.dev"],
    ),
    "rule B": (
        snapshot(env()),
        [
            "mutating pods.propylon.dev",
            "validating documents.propylon.dev",
            "validating documents-grants.propylon.dev",
        ],
    ),
    "rule B on templates": (
        snapshot(env(extra="  level: template\n")),
        [
            "mutating pods.propylon.dev",
            "mutating templates.propylon.dev",
            "validating templates.propylon.dev",
            "validating documents.propylon.dev",
            "validating documents-grants.propylon.dev",
        ],
    ),
    "policies": (
        snapshot(policy("a"), policy("b", failure_policy="Ignore"), policy("c", version="v1beta1")),
        [
            "validating policies.propylon.dev",
            "validating policies-ignore.propylon.dev",
            "validating policies-2.propylon.dev",
            "validating documents.propylon.dev",
            "validating documents-grants.propylon.dev",
        ],
    ),
}


@pytest.mark.parametrize(("built", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_entries_follow_from_the_documents(built: Snapshot, expected: list[str]) -> None:
    assert names(registrations(built)) == expected


def test_pods_entry_runs_the_rules_in_order() -> None:
    entry = registrations(snapshot(LXCFS, env()))[0]
    assert entry.stages == ("env", "lxcfs")
    assert (entry.failure_policy, entry.reinvocation_policy) == ("Ignore", "IfNeeded")
    assert [rule["resources"] for rule in entry.rules] == [["pods"]]


HIDE_POLICIES = {"enforce": "Fail", "warn": "Ignore", "audit": "Ignore"}


@pytest.mark.parametrize(("phase", "failure_policy"), HIDE_POLICIES.items(), ids=HIDE_POLICIES)
def test_hide_entry_fails_closed_once_it_is_enforced(phase: str, failure_policy: str) -> None:
    entry = registrations(snapshot(hide(f"phase: {phase}")))[0]
    assert (entry.path, entry.stages, entry.timeout_seconds) == ("hide", ("hide",), 5)
    assert (entry.failure_policy, entry.reinvocation_policy) == (failure_policy, "IfNeeded")


def resources_of(entry: Registration, group: str, operation: str = "CREATE") -> set[str]:
    return {
        resource
        for rule in entry.rules
        if group in rule["apiGroups"] and operation in rule["operations"]
        for resource in rule["resources"]
    }


def test_hide_entry_sees_what_the_catalogue_knows() -> None:
    entry = registrations(snapshot(hide()))[0]
    core = {"pods", "podtemplates", "replicationcontrollers", "services", "persistentvolumeclaims"}
    assert resources_of(entry, "") == core
    assert resources_of(entry, "networking.k8s.io") == {"ingresses"}
    assert "sidecarsets" in resources_of(entry, "apps.kruise.io")
    assert "deployments/scale" in resources_of(entry, "apps", "UPDATE")
    assert "pods/ephemeralcontainers" in resources_of(entry, "", "UPDATE")


def test_scale_is_intercepted_only_if_replicas_may_be_hidden() -> None:
    free = registrations(snapshot(hide("freezeAutoscaled: false")))[0]
    assert not any(one.endswith("/scale") for one in resources_of(free, "apps", "UPDATE"))


ACTORS = "apiVersion: propylon.dev/v1\nkind: Actors\nmetadata: {name: a}\nspec:\n  SPEC\n"
SYSTEM_CONDITIONS = {
    "default": ("", True),
    "demoted": ("treatAsDeveloper: {groups: ['system:nodes']}", False),
    "nobody": ("system: {defaults: false}", False),
    "quoted": ("""system: {defaults: false, users: ["it's"]}""", True),
}


@pytest.mark.parametrize(("actors", "expected"), SYSTEM_CONDITIONS.values(), ids=SYSTEM_CONDITIONS)
def test_system_users_are_dropped_early(actors: str, expected: bool) -> None:
    texts = [ACTORS.replace("SPEC", actors)] if actors else []
    entry = registrations(snapshot(hide(), *texts))[0]
    names = [one["name"] for one in entry.match_conditions]
    assert ("not-a-system-user" in names) is expected
    assert "not-propylon-itself" in names


SPREAD_ENTRIES: dict[str, tuple[str, list[tuple[bool, str, bool, bool, bool]]]] = {
    "default": ("", [(True, "Ignore", True, True, False), (False, "Fail", True, False, False)]),
    "refused scale": (
        "onScale: deny, tiers: {critical: {mode: mutate}}",
        [(True, "Ignore", True, False, False), (False, "Fail", False, True, False)],
    ),
    "refused scale, phase warn": (
        "onScale: deny, phase: warn",
        [(True, "Ignore", True, False, False), (False, "Ignore", False, True, False)],
    ),
    "nothing refused": ("phase: audit", [(True, "Ignore", True, True, False)]),
    "Pods": (
        "level: pod",
        [(True, "Ignore", False, False, True), (False, "Fail", False, False, True)],
    ),
}
"""Mutating, failure policy, and whether the entry sees workloads, their scale, Pods."""


@pytest.mark.parametrize(("spec", "expected"), SPREAD_ENTRIES.values(), ids=SPREAD_ENTRIES)
def test_spread_entries(spec: str, expected: list[tuple[bool, str, bool, bool, bool]]) -> None:
    entries = [one for one in registrations(snapshot(spread(spec))) if one.path == "spread"]
    assert [
        (
            one.mutating,
            one.failure_policy,
            "deployments" in resources_of(one, "apps"),
            "deployments/scale" in resources_of(one, "apps", "UPDATE"),
            "pods" in resources_of(one, ""),
        )
        for one in entries
    ] == expected
    assert {one.timeout_seconds for one in entries} == {5}


def test_spread_entry_sees_the_kinds_that_can_be_spread() -> None:
    entry = registrations(snapshot(spread()))[0]
    assert resources_of(entry, "") == {"replicationcontrollers"}
    assert resources_of(entry, "apps") == {"deployments", "replicasets", "statefulsets"}
    assert resources_of(entry, "apps.kruise.io") == {
        "clonesets",
        "statefulsets",
        "uniteddeployments",
    }
    assert resources_of(entry, "argoproj.io") == {"rollouts"}
    assert resources_of(entry, "batch") == set()


@pytest.mark.parametrize(("actors", "expected"), SYSTEM_CONDITIONS.values(), ids=SYSTEM_CONDITIONS)
def test_controllers_are_not_sent_for_spreading_but_for_pods(actors: str, expected: bool) -> None:
    texts = [ACTORS.replace("SPEC", actors)] if actors else []
    entry = registrations(snapshot(spread(), *texts))[0]
    found = [one for one in entry.match_conditions if one["name"] == "not-a-system-user"]
    assert bool(found) is expected
    for one in found:
        assert one["expression"].startswith("request.resource.resource == 'pods' || ")


def test_rules_work_in_the_order_of_their_letters() -> None:
    built = render(registrations(snapshot(env(), spread(), hide())), Client("Q0E="), mutating=True)
    names_of = [one["name"].partition(".")[0] for one in built["webhooks"]]
    assert names_of == ["hide", "spread", "pods"]


def test_ephemeral_containers_are_intercepted_when_a_document_asks() -> None:
    built = snapshot(env(extra="  match: {containers: {kinds: [app, ephemeral]}}\n"))
    rules = registrations(built)[0].rules
    assert [(rule["operations"], rule["resources"]) for rule in rules] == [
        (["CREATE"], ["pods"]),
        (["UPDATE"], ["pods/ephemeralcontainers"]),
    ]


def test_template_rules_name_every_version_of_each_kind() -> None:
    entry = registrations(snapshot(env(extra="  level: template\n")))[1]
    by_group = {tuple(rule["apiGroups"]): rule for rule in entry.rules}
    assert "pods" not in by_group["",]["resources"]
    assert by_group["apps",]["apiVersions"] == ["v1"]
    assert by_group["apps",]["resources"] == [
        "daemonsets",
        "deployments",
        "replicasets",
        "statefulsets",
    ]
    assert by_group["apps.kruise.io",]["apiVersions"] == ["v1beta1", "v1alpha1"]
    batch = [rule for rule in entry.rules if rule["apiGroups"] == ["batch"]]
    assert [(rule["apiVersions"], rule["resources"]) for rule in batch] == [
        (["v1"], ["jobs"]),
        (["v1", "v1beta1"], ["cronjobs"]),
    ]


ROUTES: dict[str, tuple[str, bool, tuple[str, ...] | None]] = {
    "known": ("policies", False, ("policies",)),
    "wrong verb": ("pods", False, ()),
    "known under another snapshot": ("policies-ignore-2", False, ()),
    "rule E under another snapshot": ("protect-namespaces", False, ()),
    "grants": ("documents-grants", False, ("grants",)),
    "unknown": ("nonsense", False, None),
    "nearly known": ("protect-nonsense", False, None),
    "trick": ("policies/../pods", False, None),
    "newline": ("policies\n", False, None),
}


@pytest.mark.parametrize(("path", "mutating", "stages"), ROUTES.values(), ids=ROUTES)
def test_route(path: str, mutating: bool, stages: tuple[str, ...] | None) -> None:
    found = route(registrations(snapshot(policy("a"))), path, mutating=mutating)
    assert (found.stages if found else None) == stages


def sends(entry: Registration, asked: AdmissionRequest) -> bool:
    """Tell whether the API server sends a request, as far as the matchConditions go."""
    resource_rule = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": ["*"],
        "resources": ["*/*"],
    }
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "entry"},
        "spec": {
            "matchConstraints": {"resourceRules": [resource_rule]},
            "matchConditions": [dict(one) for one in entry.match_conditions],
            "validations": [{"expression": "false"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "entry"},
        "spec": {"policyName": "entry", "validationActions": ["Deny"]},
    }
    built = snapshot(json.dumps(policy), json.dumps(binding))
    found = route(registrations(built), "policies", mutating=False)
    assert found is not None
    return not decide(asked, found, built, facts()).allowed


def protection(path: str, spec: str = "") -> Registration:
    found = registrations(snapshot(PROTECTION + spec))
    return next(one for one in found if one.path == path)


SECRETS = "spec: {checkDependents: [], protect: [{kinds: [Service.]}]}\n"
SERVICE = thing("Service")
SENT: dict[str, tuple[Registration, AdmissionRequest, bool]] = {
    "labelled": (protection("protect"), delete(thing("Service", ALWAYS)), True),
    "label gone": (protection("protect"), update(thing("Service", ALWAYS), SERVICE), True),
    "label new": (protection("protect"), create(thing("Service", ALWAYS)), True),
    "unlabelled": (protection("protect"), delete(SERVICE), False),
    "other labels": (protection("protect"), delete(thing("Service", {"a": "b"})), False),
    "may have dependents": (protection("protect-owners"), delete(web()), True),
    "may have dependents, labelled": (protection("protect-owners"), delete(web(ALWAYS)), False),
    "has no dependents": (protection("protect-owners"), delete(SERVICE), False),
    "is sent once": (protection("protect"), delete(web()), False),
    "is only updated": (protection("protect"), update(web(), web()), False),
    "by policy": (protection("protect", SECRETS), delete(SERVICE), True),
    "written, by policy": (protection("protect-state", SECRETS), update(SERVICE, SERVICE), True),
    "not by policy": (protection("protect", SECRETS), delete(web()), False),
    "derived": (protection("protect"), delete(thing("Lease.coordination.k8s.io/v1", ALWAYS)), False),
    "a Namespace elsewhere": (protection("protect"), delete(shop(ALWAYS)), False),
    "a Namespace": (protection("protect-namespaces"), delete(shop()), True),
    "finalized by a person": (
        protection("protect-namespaces"), update(shop(), shop(), sub_resource="finalize"), True,
    ),
    "finalized by its controller": (
        protection("protect-namespaces"),
        update(shop(), shop(), sub_resource="finalize", **system("namespace-controller")),
        False,
    ),
    "a definition": (
        protection("protect-crds", "spec: {allCRDs: false}\n"), delete(thing("Any", ALWAYS)), True,
    ),
    "an unlabelled definition": (
        protection("protect-crds", "spec: {allCRDs: false}\n"), delete(thing("Any")), False,
    ),
    "scale": (
        protection("protect-scale"), update(SERVICE, SERVICE, sub_resource="scale"), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("entry", "asked", "expected"), SENT.values(), ids=SENT)
def test_what_rule_e_is_sent(entry: Registration, asked: AdmissionRequest, expected: bool) -> None:
    assert sends(entry, asked) is expected


GRANT_MAPS: dict[str, tuple[dict[str, str], bool]] = {
    "a grant": ({"README": "x", "a.yaml": "kind: DeletionGrant"}, True),
    "an exception": ({"a.yaml": "kind: PolicyException"}, True),
    "none": ({"a.yaml": "kind: Actors"}, False),
}


@pytest.mark.parametrize(("data", "expected"), GRANT_MAPS.values(), ids=GRANT_MAPS)
def test_what_lets_people_through_never_passes_unseen(data: dict[str, str], expected: bool) -> None:
    entry = next(one for one in registrations(EMPTY) if one.path == "documents-grants")
    assert entry.failure_policy == "Fail"
    assert entry.rules[0]["operations"] == ["CREATE", "UPDATE"]
    assert sends(entry, create(thing("ConfigMap", data=data))) is expected


def test_protection_state_is_called_before_policies() -> None:
    entries = registrations(snapshot(PROTECTION, LXCFS))
    built = render(tuple(reversed(entries)), Client("Q0E="), mutating=True)
    assert [one["name"] for one in built["webhooks"]] == [
        "pods.propylon.dev",
        "protect-state.propylon.dev",
    ]


def test_widen_intercepts_what_either_does() -> None:
    before = registrations(snapshot(policy("a"), env()))
    after = registrations(
        snapshot(policy("b", "", "services"), policy("c", failure_policy="Ignore"))
    )
    wide = {(one.mutating, one.path): one for one in widen(before, after)}
    assert set(wide) == {
        (True, "pods"),
        (False, "policies"),
        (False, "policies-ignore"),
        (False, "documents"),
        (False, "documents-grants"),
    }
    resources = [rule["resources"] for rule in wide[False, "policies"].rules]
    assert resources == [["services"], ["deployments"]]


CLIENTS: dict[str, tuple[Client, dict[str, Any]]] = {
    "service": (
        Client("Q0E=", token="t0ken"),
        {
            "caBundle": "Q0E=",
            "service": {
                "name": "propylon",
                "namespace": "propylon-system",
                "path": "/validate/policies/t0ken",
                "port": 443,
            },
        },
    ),
    "url": (
        Client("Q0E=", url="https://127.0.0.1:9443/"),
        {"caBundle": "Q0E=", "url": "https://127.0.0.1:9443/validate/policies"},
    ),
    "public CA": (
        Client("", url="https://hooks.example"),
        {"url": "https://hooks.example/validate/policies"},
    ),
}


@pytest.mark.parametrize(("client", "expected"), CLIENTS.values(), ids=CLIENTS)
def test_client_config(client: Client, expected: dict[str, Any]) -> None:
    built = render(registrations(snapshot(policy("a"))), client, mutating=False)
    assert built["webhooks"][0]["clientConfig"] == expected


def test_rendered_validating_configuration() -> None:
    built = render(registrations(snapshot(policy("a"))), Client("Q0E="), mutating=False)
    assert built["kind"] == "ValidatingWebhookConfiguration"
    assert built["metadata"] == {"name": "propylon"}
    webhook = {key: value for key, value in built["webhooks"][0].items() if key != "clientConfig"}
    conditions = webhook.pop("matchConditions")
    assert [one["name"] for one in conditions][:2] == [
        "not-a-policy-document",
        "not-propylon-itself",
    ]
    assert webhook == {
        "name": "policies.propylon.dev",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {
            "matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name",
                    "operator": "NotIn",
                    "values": ["kube-node-lease", "kube-system", "propylon-system"],
                }
            ]
        },
        "objectSelector": {},
        "rules": [
            {
                "apiGroups": ["apps"],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["deployments"],
                "scope": "*",
            }
        ],
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }


def test_rendered_mutating_configuration_lists_entries_in_the_order_of_calls() -> None:
    entries = registrations(snapshot(env(extra="  level: template\n")))
    built = render(tuple(reversed(entries)), Client("Q0E="), mutating=True)
    assert [one["name"] for one in built["webhooks"]] == [
        "pods.propylon.dev",
        "templates.propylon.dev",
    ]
    assert {one["reinvocationPolicy"] for one in built["webhooks"]} == {"IfNeeded"}
