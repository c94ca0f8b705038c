"""Puts the report of rule D together: documents, objects or a cluster, a table or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from webhook.cluster.client import Cluster, connect
from webhook.model import ConfigError, Document, Json, Platform
from webhook.objects.workloads import BUILT_IN_KINDS
from webhook.offline.cluster_scan import documents_in_force
from webhook.offline.inputs import read_documents
from webhook.offline.manifests import is_storable
from webhook.offline.roles import documents_role, role
from webhook.offline.screen import counted, print_line, write_table
from webhook.rules.spread import Config
from webhook.rules.spread.kinds import spread_kinds
from webhook.rules.spread.placement import Placement
from webhook.snapshot import build
from webhook.sources.directory import load_directory
from webhook.sources.objects import collect_objects
from webhook.sources.survey import Moved, ObjectsReader, Survey, reader_of, survey

HEADINGS = ("WORKLOAD", "TIER", "RUNNING", "NODES", "ZONES", "TOGETHER", "SKEW", "PROBLEM")

NAME = "propylon-placement"
LISTED = ("namespaces", "nodes", "pods")
"""What has to be listed beside the workloads."""


class NothingToExpectError(Exception):
    """No document says what to expect."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at: a directory of objects, or a cluster; by which documents."""

    policies: Path | None = None
    objects: Path | None = None
    kubeconfig: Path | None = None
    namespace: str = ""
    platform: Platform = field(default_factory=Platform)

    @property
    def prefix(self) -> str:
        """Of labels and annotations."""
        return self.platform.prefix


async def look_around(wanted: Wanted, moved: Moved) -> tuple[Survey, tuple[ConfigError, ...]]:
    """Return the survey, and the errors of documents.

    Raise SourceError, ClusterError or NothingToExpectError when there is nothing to look at or to
    expect.
    """
    given = None if wanted.policies is None else read_documents([wanted.policies], wanted.prefix)
    if wanted.objects is not None:
        return await _look_at_files(wanted.objects, given or (), wanted)
    cluster = connect(wanted.kubeconfig)
    try:
        return await _look_at(cluster, given, wanted, moved)
    finally:
        await cluster.close()


async def _look_at_files(
    folder: Path, documents: Sequence[Document], wanted: Wanted
) -> tuple[Survey, tuple[ConfigError, ...]]:
    config, errors = expected(documents, wanted.platform)
    objects, problems = collect_objects(load_directory(folder))
    here = [one for one in objects if is_storable(one) and _is_in(one, wanted.namespace)]
    return await survey(ObjectsReader(here), config, wanted.platform), (*errors, *problems)


async def _look_at(
    cluster: Cluster, documents: Sequence[Document] | None, wanted: Wanted, moved: Moved
) -> tuple[Survey, tuple[ConfigError, ...]]:
    if documents is None:
        documents = await documents_in_force(cluster, wanted.platform)
    config, errors = expected(documents, wanted.platform)
    reader, problems = await reader_of(cluster, config, wanted.namespace, moved)
    found = await survey(reader, config, wanted.platform)
    return Survey(found.placements, (*problems, *found.problems)), errors


def expected(
    documents: Sequence[Document], platform: Platform
) -> tuple[Config, tuple[ConfigError, ...]]:
    """Return what rule D expects, and the errors of documents; raise NothingToExpectError."""
    snapshot = build(documents, None, platform)
    config = snapshot.configs.get("spread")
    if config is None or config.templates is None:
        text = "no Spreading document (level template) says what to expect; give --policies"
        raise NothingToExpectError(text)
    return config, snapshot.errors


def _is_in(value: Json, namespace: str) -> bool:
    found = value["metadata"].get("namespace")
    return not namespace or found in {None, "", namespace}


def needed_rights(wanted: Wanted) -> tuple[Json, ...]:
    """Return the ClusterRole and the Role that looking at a cluster needs, and no more.

    With documents also for the kinds that they add. Raise SourceError.
    """
    kinds = BUILT_IN_KINDS
    if wanted.policies is not None:
        documents = read_documents([wanted.policies], wanted.prefix)
        kinds = build(documents, None, wanted.platform).actors.kinds
    listed: dict[str, set[str]] = {"": set(LISTED)}
    for kind in spread_kinds(kinds):
        listed.setdefault(kind.group, set()).add(kind.resource)
    return _roles(listed, wanted.platform.policy_namespace)


def _roles(listed: Mapping[str, set[str]], policy_namespace: str) -> tuple[Json, ...]:
    rules = [
        {"apiGroups": [group], "resources": sorted(names), "verbs": ["list"]}
        for group, names in sorted(listed.items())
    ]
    return role("ClusterRole", {"name": NAME}, rules), documents_role(NAME, policy_namespace)


def write_placements(found: Survey, shown: Sequence[Placement]) -> None:
    """Print one line for each workload, the alarming ones in colour, then counts."""
    rows = [_row(one) for one in shown]
    write_table(HEADINGS, rows, ["yellow" if one.is_alarming else "" for one in shown])
    if rows:
        print_line()
    alarming = [one for one in found.placements if one.is_alarming]
    together = sum(one.co_located for one in alarming)
    looked = f"{counted(len(found.placements), 'workload')} looked at"
    if alarming:
        print_line(
            f"{looked}: {len(alarming)} not as expected, {counted(together, 'replica')} together"
        )
    else:
        print_line(f"{looked}: all as expected")


def _row(one: Placement) -> tuple[str, ...]:
    pending = [f"waiting for a place: {', '.join(one.pending)}"] if one.pending else []
    return (
        f"{one.kind} {one.namespace}/{one.name}",
        one.tier,
        str(one.running),
        str(len(one.nodes)),
        str(len(one.zones)),
        str(one.co_located),
        f"{one.node_skew}/{one.zone_skew}",
        "; ".join([*one.broken, *pending]),
    )


def write_json(found: Survey, shown: Sequence[Placement]) -> None:
    """Print one JSON object with all that is known."""
    value = {
        "workloads": [_fields(one) for one in shown],
        "looked_at": len(found.placements),
        "problems": list(found.problems),
    }
    print_line(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _fields(one: Placement) -> dict[str, Any]:
    return {
        "group": one.group,
        "kind": one.kind,
        "namespace": one.namespace,
        "name": one.name,
        "tier": one.tier,
        "running": one.running,
        "nodes": dict(sorted(one.nodes.items())),
        "zones": dict(sorted(one.zones.items())),
        "co_located": one.co_located,
        "node_skew": one.node_skew,
        "zone_skew": one.zone_skew,
        "broken": list(one.broken),
        "pending": list(one.pending),
    }
