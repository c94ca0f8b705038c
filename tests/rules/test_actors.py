"""Actor classes, row by row (platform-rules 0.4), and their documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.documents import item, read
from webhook.model import Platform, UserInfo
from webhook.rules.actors import (
    ActorClass,
    Actors,
    Subjects,
    acting_class,
    build_actors,
    classify,
    parse_actors,
    subjects,
)

ACCOUNTS = ("system:serviceaccounts", "system:authenticated")


def user(name: str, *groups: str) -> UserInfo:
    return UserInfo(name, groups=(*groups, "system:authenticated"))


def account(namespace: str, name: str) -> UserInfo:
    groups = (*ACCOUNTS, f"system:serviceaccounts:{namespace}")
    return UserInfo(f"system:serviceaccount:{namespace}:{name}", groups=groups)


DEFAULTS: dict[str, tuple[UserInfo, str]] = {
    "breakglass": (user("alice", "propylon.dev:breakglass"), "breakglass"),
    "breakglass before system": (
        user("system:apiserver", "propylon.dev:breakglass"),
        "breakglass",
    ),
    "API server": (user("system:apiserver"), "system"),
    "controller manager without service accounts": (
        user("system:kube-controller-manager"),
        "system",
    ),
    "scheduler": (user("system:kube-scheduler"), "system"),
    "kubelet": (user("system:node:n1", "system:nodes"), "system"),
    "controller of kube-system": (account("kube-system", "replicaset-controller"), "system"),
    "system before platform": (
        user("system:kube-scheduler", "system:masters"),
        "system",
    ),
    "Kruise": (account("kruise-system", "kruise-manager"), "workload-controller"),
    "Argo Rollouts": (account("argo-rollouts", "argo-rollouts"), "workload-controller"),
    "Knative": (account("knative-serving", "controller"), "workload-controller"),
    "other account beside Kruise": (account("kruise-system", "default"), "developer"),
    "cluster administrator": (user("root", "system:masters"), "platform"),
    "kubeadm administrator": (user("root", "kubeadm:cluster-admins"), "platform"),
    "Argo CD": (account("argocd", "argocd-application-controller"), "delegate"),
    "Flux kustomize": (account("flux-system", "kustomize-controller"), "delegate"),
    "Flux helm": (account("flux-system", "helm-controller"), "delegate"),
    "developer": (user("alice", "devs"), "developer"),
    "unknown service account": (account("shop", "default"), "developer"),
    "nobody": (UserInfo(), "developer"),
    "user with the name of a group": (user("system:masters"), "developer"),
}


@pytest.mark.parametrize(("who", "expected"), DEFAULTS.values(), ids=DEFAULTS)
def test_default_classes(who: UserInfo, expected: str) -> None:
    assert classify(who, Actors()) == expected


SPEC: dict[str, Any] = {
    "treatAsDeveloper": {"groups": ["contractors"]},
    "breakglass": {"users": ["emergency"]},
    "system": {"users": ["system:cloud-*"]},
    "workloadControllers": {"serviceAccounts": ["volcano-system:volcano-*"], "defaults": False},
    "platform": {"groups": ["platform-*"], "namespaces": ["infra-*", "ops"]},
    "delegates": {"serviceAccounts": ["cd:deployer"]},
    "operators": {"groups": ["sre"]},
    "delegateAs": "operator",
    "unknownOwnerKind": "treatAsDeveloper",
}

CONFIGURED: dict[str, tuple[UserInfo, str]] = {
    "demoted": (user("bob", "contractors", "system:masters"), "developer"),
    "breakglass": (user("emergency"), "breakglass"),
    "system by glob": (user("system:cloud-controller"), "system"),
    "controller by glob": (account("volcano-system", "volcano-controllers"), "workload-controller"),
    "defaults left out": (account("kruise-system", "kruise-manager"), "developer"),
    "platform by group glob": (user("carol", "platform-core"), "platform"),
    "platform by Namespace": (account("infra-dns", "anything"), "platform"),
    "platform by Namespace, exact": (account("ops", "x"), "platform"),
    "defaults stay": (user("root", "system:masters"), "platform"),
    "delegate": (account("cd", "deployer"), "delegate"),
    "operator": (user("dan", "sre"), "operator"),
    "everybody else": (user("erin", "platform"), "developer"),
}


@pytest.mark.parametrize(("who", "expected"), CONFIGURED.values(), ids=CONFIGURED)
def test_configured_classes(who: UserInfo, expected: str) -> None:
    document = item("Actors", "classes", SPEC)
    assert parse_actors(document) == ()
    actors, errors = build_actors((document,), Platform())
    assert errors == ()
    assert classify(who, actors) == expected
    assert actors.unknown_owner_kind == "treatAsDeveloper"


def test_delegate_acts_as_configured() -> None:
    actors, _ = build_actors((item("Actors", "classes", SPEC),), Platform())
    assert acting_class(account("cd", "deployer"), actors) is ActorClass.OPERATOR
    assert acting_class(account("argocd", "argocd-application-controller"), Actors()) == "developer"
    assert acting_class(user("root", "system:masters"), Actors()) is ActorClass.PLATFORM


def test_breakglass_group_has_the_prefix_of_the_platform() -> None:
    actors, _ = build_actors((), Platform(prefix="rules.example"))
    assert classify(user("alice", "rules.example:breakglass"), actors) is ActorClass.BREAKGLASS
    assert classify(user("alice", "propylon.dev:breakglass"), actors) is ActorClass.DEVELOPER


def test_no_document_gives_the_defaults() -> None:
    assert build_actors((), Platform()) == (Actors(), ())


def test_document_that_is_off_is_not_used() -> None:
    document = item("Actors", "classes", {**SPEC, "phase": "off"})
    assert build_actors((document,), Platform()) == (Actors(), ())


def test_documents_add_up_and_contradictions_are_errors() -> None:
    documents = (
        item("Actors", "b", {"operators": {"groups": ["b"]}, "delegateAs": "platform"}),
        item("Actors", "c", {"delegateAs": "operator", "unknownOwnerKind": "ignore"}),
        item("Actors", "a", {"operators": {"groups": ["a"]}, "delegateAs": "operator"}),
    )
    actors, errors = build_actors(documents, Platform())
    assert {classify(user("x", group), actors) for group in ("a", "b")} == {ActorClass.OPERATOR}
    assert (actors.delegate_as, actors.unknown_owner_kind) == ("operator", "ignore")
    assert [(one.name, one.path, one.message) for one in errors] == [
        ("b", "spec.delegateAs", "Actors 'a' says \"operator\", which holds; agree on one")
    ]


MISTAKES: dict[str, tuple[str, str, int, str]] = {
    "unknown class": (
        "operatros: {groups: [sre]}",
        "spec.operatros",
        6,
        "unknown field; did you mean operators? allowed: breakglass, ",
    ),
    "not a list": (
        "operators: {groups: sre}",
        "spec.operators.groups",
        6,
        "must be a list; found a text",
    ),
    "everybody": (
        'breakglass: {users: ["*"]}',
        "spec.breakglass.users[0]",
        6,
        "matches everybody or nobody; write a name or a longer pattern",
    ),
    "empty group": (
        'workloadControllers: {groups: [""]}',
        "spec.workloadControllers.groups[0]",
        6,
        "matches everybody or nobody; write a name or a longer pattern",
    ),
    "no service account": (
        "delegates: {serviceAccounts: [deployer]}",
        "spec.delegates.serviceAccounts[0]",
        6,
        'is no service account; write "namespace:name"',
    ),
    "delegate as": (
        "delegateAs: admin",
        "spec.delegateAs",
        6,
        'must be one of developer, operator, platform; found "admin"',
    ),
}


@pytest.mark.parametrize(("line", "path", "at", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(line: str, path: str, at: int, message: str) -> None:
    text = f"apiVersion: propylon.dev/v1\nkind: Actors\nmetadata:\n  name: a\nspec:\n  {line}\n"
    (error,) = parse_actors(read(text))
    assert (error.path, error.line) == (path, at)
    assert error.message.startswith(message)


NAMES = st.lists(st.sampled_from(("a", "b", "ab", "a*", "*b", "a*b")), max_size=3)
MEMBERS = st.builds(subjects, NAMES, NAMES)
CLASSES = st.dictionaries(st.sampled_from(list(ActorClass)[:-1]), MEMBERS)
USERS = st.builds(
    UserInfo,
    st.sampled_from(("a", "b", "ab", "c")),
    groups=st.lists(st.sampled_from(("a", "b", "ab", "c"))).map(tuple),
)


@given(CLASSES, st.one_of(st.just(Subjects()), MEMBERS), USERS)
def test_the_first_class_that_contains_a_user_is_its_class(
    classes: dict[ActorClass, Subjects], demoted: Subjects, who: UserInfo
) -> None:
    first = next((one for one, members in classes.items() if members.contain(who)), None)
    expected = ActorClass.DEVELOPER if first is None or demoted.contain(who) else first
    assert classify(who, Actors(classes, demoted)) is expected
