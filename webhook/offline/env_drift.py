"""Puts the report `env-drift` together: documents, Pods from files or a cluster, a table or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from webhook.cluster.client import Cluster, ClusterError, connect
from webhook.cluster.discovery import Discovery
from webhook.cluster.lookups import Resolver
from webhook.cluster.resources import NAMESPACES, Resource
from webhook.exemptions import Family, namespaces_left_out
from webhook.model import (
    NEVER,
    ConfigError,
    Document,
    Facts,
    Get,
    Json,
    Lookup,
    NeedFacts,
    Platform,
)
from webhook.objects.paths import get
from webhook.objects.workloads import controller_of
from webhook.offline.cluster_scan import documents_in_force
from webhook.offline.inputs import read_documents
from webhook.offline.judging import Answer, answers_from
from webhook.offline.manifests import is_storable
from webhook.offline.requests import request_about
from webhook.offline.roles import documents_role, role
from webhook.offline.screen import counted, print_line, write_table
from webhook.rules.env import Config
from webhook.rules.env.drift import Drift, drift_of
from webhook.snapshot import build
from webhook.sources.directory import load_directory
from webhook.sources.objects import collect_objects
from webhook.sources.survey import Moved

PODS = Resource("", "v1", "pods", "Pod")
HEADINGS = ("PODS", "OF", "OLDER THAN THE RULES IN FORCE")
NAME = "propylon-env-drift"
CONTROLLER: Mapping[str, Json] = {
    "username": "system:serviceaccount:kube-system:replicaset-controller",
    "groups": ["system:serviceaccounts:kube-system", "system:authenticated"],
}
"""Who is taken to have made the Pods: what its template was allowed to say counts."""


class NoRulesError(Exception):
    """No document says what Pods should have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at: a directory of objects, or a cluster; by which documents."""

    policies: Path | None = None
    objects: Path | None = None
    kubeconfig: Path | None = None
    namespace: str = ""
    platform: Platform = field(default_factory=Platform)


@dataclass(frozen=True, slots=True)
class Drifted:
    """One Pod that is older than the rules; `owner` is its controller, or the Pod itself."""

    namespace: str
    name: str
    owner: str
    drift: Drift


@dataclass(frozen=True, slots=True)
class Report:
    """The Pods that drifted, how many were looked at, and what could not be."""

    pods: tuple[Drifted, ...]
    looked_at: int
    problems: tuple[str, ...] = ()


async def look_for_drift(wanted: Wanted, moved: Moved) -> tuple[Report, tuple[ConfigError, ...]]:
    """Return the report, and the errors of documents; raise SourceError, ClusterError, NoRulesError."""
    prefix = wanted.platform.prefix
    given = None if wanted.policies is None else read_documents([wanted.policies], prefix)
    if wanted.objects is not None:
        return _look_at_files(wanted.objects, given or (), wanted)
    cluster = connect(wanted.kubeconfig)
    try:
        return await _look_at(cluster, given, wanted, moved)
    finally:
        await cluster.close()


def _look_at_files(
    folder: Path, documents: Sequence[Document], wanted: Wanted
) -> tuple[Report, tuple[ConfigError, ...]]:
    config, errors = _rules(documents, wanted.platform)
    objects, problems = collect_objects(load_directory(folder))
    held = [one for one in objects if is_storable(one)]
    looker = _Looker(config, wanted)
    answer = answers_from(held)
    for one in held:
        if (one["apiVersion"], one["kind"]) == ("v1", "Pod"):
            looker.look(one, answer)
    return looker.report(), (*errors, *problems)


async def _look_at(
    cluster: Cluster, documents: Sequence[Document] | None, wanted: Wanted, moved: Moved
) -> tuple[Report, tuple[ConfigError, ...]]:
    if documents is None:
        documents = await documents_in_force(cluster, wanted.platform)
    config, errors = _rules(documents, wanted.platform)
    looker, resolver = _Looker(config, wanted), Resolver(cluster, Discovery(cluster))
    for one in (await cluster.list(NAMESPACES)).items:
        looker.known[Get("v1", "Namespace", "", one["metadata"]["name"])] = one
    done, problems = 0, []
    try:
        async for page in cluster.pages(PODS, wanted.namespace):
            for one in page.items:
                while missing := looker.look(one):
                    looker.known |= await resolver.resolve(missing, NEVER)
            done += len(page.items)
            moved("pods", done, done + page.remaining)
    except ClusterError as error:
        problems.append(str(error))
    return looker.report(problems), errors


def _rules(
    documents: Sequence[Document], platform: Platform
) -> tuple[Config, tuple[ConfigError, ...]]:
    snapshot = build(documents, None, platform)
    config = snapshot.configs.get("env")
    if config is None:
        raise NoRulesError("no EnvInjection document says what Pods should have; give --policies")
    return config, snapshot.errors


class _Looker:
    """What was found so far, and the facts that were asked for: each only once."""

    def __init__(self, config: Config, wanted: Wanted) -> None:
        self._config = config
        self._namespace = wanted.namespace
        self._left_out = namespaces_left_out(Family.RULES, wanted.platform)
        self._found: list[Drifted] = []
        self._count = 0
        self.known: dict[Lookup, Any] = {}

    def look(self, pod: Json, answer: Answer | None = None) -> frozenset[Lookup]:
        """Look at one Pod; return what is missing for that, nothing when it is done."""
        namespace = str(get(pod, ("metadata", "namespace")) or "default")
        if namespace in self._left_out or self._namespace not in {"", namespace}:
            return frozenset()
        request = request_about(pod, operation="CREATE", user=CONTROLLER)
        while True:
            try:
                drift = drift_of(request, self._config, Facts(self.known))
            except NeedFacts as need:
                if answer is None:
                    return need.lookups
                self.known |= {one: answer(one) for one in need.lookups}
            else:
                break
        self._count += 1
        if drift:
            self._found.append(Drifted(namespace, pod["metadata"]["name"], _owner(pod), drift))
        return frozenset()

    def report(self, problems: Sequence[str] = ()) -> Report:
        """Return everything, by Namespace and name."""
        found = sorted(self._found, key=lambda one: (one.namespace, one.owner, one.name))
        return Report(tuple(found), self._count, tuple(problems))


def _owner(pod: Json) -> str:
    owner = controller_of(pod)
    if owner is None:
        return f"Pod {pod['metadata']['name']}"
    return f"{owner.get('kind')} {owner.get('name')}"


def needed_rights(platform: Platform) -> tuple[Json, ...]:
    """Return the ClusterRole and the Role that looking at a cluster needs, and no more.

    ConfigMaps are read for rules with `respectEnvFrom` only.
    """
    rules = [
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    ]
    reading = role("ClusterRole", {"name": NAME}, rules)
    return reading, documents_role(NAME, platform.policy_namespace)


def write_drift(report: Report) -> None:
    """Print the Pods of one controller that differ in the same way as one line, then counts."""
    groups: dict[tuple[str, str, Drift], int] = {}
    for one in report.pods:
        key = (one.namespace, one.owner, one.drift)
        groups[key] = groups.get(key, 0) + 1
    rows = [
        (str(count), _place(namespace, owner), "; ".join((*drift.generations, *drift.variables)))
        for (namespace, owner, drift), count in groups.items()
    ]
    write_table(HEADINGS, rows)
    if rows:
        print_line()
    looked = f"{counted(report.looked_at, 'Pod')} looked at"
    found = f"{len(report.pods)} older than the rules" if report.pods else "none is older"
    print_line(f"{looked}: {found}")


def _place(namespace: str, owner: str) -> str:
    kind, _, name = owner.partition(" ")
    return f"{kind} {namespace}/{name}"


def write_json(report: Report) -> None:
    """Print one JSON object with each Pod."""
    value = {
        "pods": [
            {
                "namespace": one.namespace,
                "name": one.name,
                "owner": one.owner,
                "generations": list(one.drift.generations),
                "variables": list(one.drift.variables),
            }
            for one in report.pods
        ],
        "looked_at": report.looked_at,
        "problems": list(report.problems),
    }
    print_line(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
