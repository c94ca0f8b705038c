"""What ships in `manifests/` and in the image fits the code: names, ports, settings, versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from webhook.cluster.lease import NAME as LEASE
from webhook.exemptions import FIXED_RESOURCES
from webhook.model import Platform
from webhook.registration import CONFIGURATION_NAME, Client
from webhook.rules.protect.kinds import KINDS, ProtectedKind
from webhook.settings import Settings
from webhook.tls.bootstrap import TLS_SECRET, TOKEN_SECRET

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
FILES = sorted(path.name for path in MANIFESTS.glob("[0-9]*.yaml"))
OBJECTS = [one for name in FILES for one in yaml.safe_load_all((MANIFESTS / name).read_text())]


def the(kind: str, name: str = "propylon", namespace: str | None = None) -> Any:
    found = [
        one
        for one in OBJECTS
        if (one["kind"], one["metadata"]["name"]) == (kind, name)
        and namespace in {None, one["metadata"].get("namespace")}
    ]
    assert len(found) == 1, f"{len(found)} objects {kind} {name}"
    return found[0]


def pod_spec() -> Any:
    return the("Deployment")["spec"]["template"]["spec"]


def container() -> Any:
    (only,) = pod_spec()["containers"]
    return only


def test_kustomization_lists_every_file_in_order() -> None:
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
    assert kustomization["resources"] == FILES


@pytest.mark.parametrize("variable", [one["name"] for one in container()["env"]])
def test_variables_of_the_deployment_are_settings(variable: str) -> None:
    assert variable.removeprefix("PROPYLON_").lower() in Settings.model_fields


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
def test_configurations_ship_without_entries(kind: str) -> None:
    assert "webhooks" not in the(kind, CONFIGURATION_NAME)


def test_namespaces_are_the_defaults() -> None:
    platform = Platform()
    the("Namespace", platform.own_namespace)
    the("Namespace", platform.policy_namespace)


def test_service_is_what_the_entries_name() -> None:
    client, service = Client(""), the("Service")
    assert service["metadata"]["name"] == client.service_name
    assert service["metadata"]["namespace"] == client.service_namespace
    assert [port["port"] for port in service["spec"]["ports"]] == [client.service_port]
    labels = the("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()


def test_rights_name_what_the_code_writes() -> None:
    rules = the("Role", namespace="propylon-system")["rules"]
    named = {name for rule in rules for name in rule.get("resourceNames", [])}
    assert named == {TLS_SECRET, TOKEN_SECRET, LEASE}
    cluster = the("ClusterRole")["rules"]
    assert [rule["resourceNames"] for rule in cluster if "resourceNames" in rule] == [
        [CONFIGURATION_NAME]
    ]


def test_no_right_is_a_wildcard() -> None:
    roles = [one for one in OBJECTS if one["kind"] in {"Role", "ClusterRole"}]
    rules = [rule for role in roles for rule in role.get("rules", [])]
    assert not [rule for rule in rules if "*" in (*rule["verbs"], *rule["resources"])]


def may(verb: str, group: str, resource: str) -> bool:
    """Tell whether the shipped ClusterRole allows it."""
    return any(
        verb in rule["verbs"] and group in rule["apiGroups"] and resource in rule["resources"]
        for rule in the("ClusterRole")["rules"]
        if "resourceNames" not in rule
    )


@pytest.mark.parametrize("kind", [one for one in KINDS if one.namespaced], ids=lambda one: one.path)
def test_rule_e_may_look_at_every_kind_but_secrets(kind: ProtectedKind) -> None:
    assert may("list", kind.group, kind.resource) is (kind.resource != "secrets")
    assert may("get", kind.group, kind.resource) or not kind.is_workload


def test_rule_e_may_read_what_it_asks_for() -> None:
    assert may("get", "", "services")
    assert may("list", "discovery.k8s.io", "endpointslices")
    assert may("list", "apps.kruise.io", "sidecarsets")  # the objects of its own definition


def test_own_cluster_roles_are_never_intercepted() -> None:
    shipped = {one["metadata"]["name"] for one in OBJECTS if one["kind"] == "ClusterRole"}
    exempt = next(one for one in FIXED_RESOURCES if "clusterroles" in one.resources)
    assert shipped == set(exempt.names)


def test_container_is_confined() -> None:
    security = container()["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert pod_spec()["securityContext"]["runAsNonRoot"] is True
    assert pod_spec()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_user_is_that_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    user = pod_spec()["securityContext"]["runAsUser"]
    assert f"USER {user}:{pod_spec()['securityContext']['runAsGroup']}" in dockerfile


def test_image_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert container()["image"] == f"propylon:{version}"


def locked(name: str) -> set[str]:
    """Return the lines `package==version` of a lock file."""
    return set(re.findall(r"^[A-Za-z0-9._-]+==[^ ;]+", (ROOT / name).read_text(), re.MULTILINE))


def test_image_runs_what_was_tested() -> None:
    runtime, full = locked("requirements-runtime.lock"), locked("requirements.lock")
    assert runtime < full
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.match(r"[a-z0-9-]+", one).group() for one in project["dependencies"]}  # type: ignore[union-attr]
    assert wanted <= {one.partition("==")[0] for one in runtime}
