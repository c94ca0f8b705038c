"""Puts a scan together: which policies, which objects, and who answers questions about the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from webhook.cluster.client import Cluster, connect
from webhook.cluster.discovery import Discovery
from webhook.cluster.lookups import Resolver
from webhook.model import NEVER, ConfigError, Document, Get, Json, Lookup, Platform
from webhook.offline.cluster_scan import Moved, documents_in_force, scan_cluster
from webhook.offline.inputs import read_documents
from webhook.offline.judging import Answer, answers_from
from webhook.offline.manifests import Manifest, is_storable, parse_manifests, read_manifests
from webhook.offline.scan import Asked, Policies, Scan, scan_one
from webhook.registration import registrations
from webhook.snapshot import build
from webhook.sources.directory import load_directory
from webhook.sources.objects import collect_objects

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to scan: files, or without any the cluster; with a directory's policies, or those in force."""

    paths: tuple[Path, ...] = ()
    policies: Path | None = None
    objects: Path | None = None
    kubeconfig: Path | None = None
    namespace: str = ""
    asked: Asked = field(default_factory=Asked)
    platform: Platform = field(default_factory=Platform)


class Connection(AbstractContextManager["Connection"]):
    """The cluster, for code that does not wait: every call runs to its end."""

    def __init__(self, kubeconfig: Path | None) -> None:
        self._kubeconfig = kubeconfig
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        with ExitStack() as undo:
            undo.callback(self._runner.close)
            self.cluster: Cluster = self.run(self._connect())
            undo.pop_all()
        self._resolver = Resolver(self.cluster, Discovery(self.cluster))
        return self

    async def _connect(self) -> Cluster:
        return connect(self._kubeconfig)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.run(self.cluster.close())
        self._runner.close()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Wait for a call and return its result."""
        return self._runner.run(call)

    def answer(self, lookup: Lookup) -> Any:
        """Answer one lookup."""
        return self.run(self._resolver.resolve([lookup], NEVER))[lookup]


def load_policies(
    wanted: Wanted, connection: Connection | None
) -> tuple[Policies, tuple[ConfigError, ...]]:
    """Return what judges, and the errors of documents that therefore do not.

    Raise SourceError or ClusterError when the documents cannot be had.
    """
    if wanted.policies is not None:
        documents: Sequence[Document] = read_documents([wanted.policies], wanted.platform.prefix)
    else:
        assert connection is not None
        documents = connection.run(documents_in_force(connection.cluster, wanted.platform))
    snapshot = build(documents, None, wanted.platform)
    return Policies(snapshot, registrations(snapshot)), snapshot.errors


def scan_objects(
    wanted: Wanted, policies: Policies, connection: Connection | None, moved: Moved
) -> Scan:
    """Judge the objects that are wanted; raise SourceError or ClusterError."""
    if wanted.paths:
        return _scan_files(wanted, policies, connection, moved)
    assert connection is not None
    call = scan_cluster(connection.cluster, policies, wanted.asked, wanted.namespace, moved)
    return connection.run(call)


def _scan_files(
    wanted: Wanted, policies: Policies, connection: Connection | None, moved: Moved
) -> Scan:
    manifests: list[Manifest] = []
    problems: list[str] = []
    for path in wanted.paths:
        for document in read_manifests(path):
            found, errors = parse_manifests(document)
            manifests += [one for one in found if _is_in(one, wanted.namespace)]
            problems += map(str, errors)
    facts, errors = collect_objects(load_directory(wanted.objects)) if wanted.objects else ((), ())
    problems += map(str, errors)
    answer = _answers([*(one.value for one in manifests), *facts], connection)
    scanned = []
    for at, one in enumerate(manifests, start=1):
        scanned.append(scan_one(one, policies, wanted.asked, answer))
        moved("scanning", at, len(manifests))
    return Scan(tuple(scanned), tuple(problems))


def _is_in(manifest: Manifest, namespace: str) -> bool:
    return not namespace or manifest.place.startswith(f"{namespace}/")


def _answers(objects: Sequence[Json], connection: Connection | None) -> Answer:
    """Answer from the objects at hand, then from the cluster; each question is asked once."""
    held = answers_from(one for one in objects if is_storable(one))
    named = {_identity(one) for one in objects if is_storable(one)}
    known: dict[Lookup, Any] = {}

    def answer(lookup: Lookup) -> Any:
        if lookup not in known:
            is_here = isinstance(lookup, Get) and _key(lookup) in named
            ask = held
            if connection is not None and not is_here:
                ask = connection.answer
            known[lookup] = ask(lookup)
        return known[lookup]

    return answer


def _identity(value: Json) -> tuple[str, str, str, str]:
    metadata = value["metadata"]
    namespace = str(metadata.get("namespace") or "")
    return value["apiVersion"], value["kind"], namespace, metadata["name"]


def _key(lookup: Get) -> tuple[str, str, str, str]:
    return lookup.api_version, lookup.kind, lookup.namespace, lookup.name
