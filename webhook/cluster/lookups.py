"""Answers to the core's questions about the cluster: from watch caches at once, else live.

Namespaces and the kinds that policies name as parameters are watched; any other kind is found by
discovery and asked for. Every failure is an answer too: Unavailable, with a reason for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.discovery import Discovery
from webhook.cluster.label_query import QueryError, select
from webhook.cluster.openapi import OpenApi
from webhook.cluster.resources import ACCESS_REVIEWS, NAMESPACES, Resource
from webhook.cluster.watch import WatchCache
from webhook.model import (
    Access,
    AdmissionRequest,
    Deadline,
    Deletions,
    Facts,
    Get,
    Json,
    List,
    Lookup,
    SchemaOf,
    Scope,
    Unavailable,
    UserInfo,
)
from webhook.snapshot import Snapshot

Kind = tuple[str, str]
"""apiVersion and kind."""

POLL_SECONDS = 0.02
"""A Deadline only tells whether it has passed, so it is asked this often while answers come."""

SELECTORS = ("fieldSelector", "labelSelector")
NOT_FOUND = 404
MISSING = object()


class Resolver:
    """Answers lookups; one per process.

    Start `run` as a task, and give it the kinds to watch with `watch_parameters` after each
    publication. `app.py` calls the other two.
    """

    def __init__(
        self, cluster: Cluster, discovery: Discovery, rediscover_seconds: float = 10.0
    ) -> None:
        self._cluster = cluster
        self._rediscover_seconds = rediscover_seconds
        self._discovery = discovery
        self._schemas = OpenApi(cluster)
        self.namespaces = WatchCache(cluster, NAMESPACES)
        self._caches: dict[Kind, WatchCache] = {("v1", "Namespace"): self.namespaces}
        self._wanted: frozenset[Kind] = frozenset()
        self._wanted_changed = asyncio.Event()

    def known_facts(self, _request: AdmissionRequest, _snapshot: Snapshot) -> Facts:
        """Return what the watch caches know; they are read when the core asks."""
        return Facts(CachedAnswers(self._caches))

    async def resolve(
        self, lookups: Collection[Lookup], deadline: Deadline
    ) -> Mapping[Lookup, Any]:
        """Answer all lookups in parallel; what is not there by the deadline is Unavailable."""
        tasks = {lookup: asyncio.create_task(self._answer(lookup)) for lookup in lookups}
        pending = set(tasks.values())
        while pending and not deadline.expired():
            _, pending = await asyncio.wait(pending, timeout=POLL_SECONDS)
        for task in pending:
            task.cancel()
        late = Unavailable("the deadline of the request passed before the API server answered")
        return {
            lookup: late if task in pending else task.result() for lookup, task in tasks.items()
        }

    def watch_parameters(self, kinds: Collection[Kind]) -> None:
        """Keep caches of exactly these kinds beside that of Namespaces."""
        wanted = frozenset(kinds) - {("v1", "Namespace")}
        if wanted != self._wanted:
            self._wanted = wanted
            self._wanted_changed.set()

    @property
    def parameter_failure(self) -> str:
        """Why kinds that policies name as parameters are not current; "" when all are."""
        caches = (cache for cache in tuple(self._caches.values()) if cache is not self.namespaces)
        return "; ".join(cache.failure for cache in caches if cache.failure)

    async def run(self) -> None:
        """Keep all caches current, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.namespaces.run())
            running: dict[Kind, asyncio.Task[None]] = {}
            while True:
                for kind in running.keys() - self._wanted:
                    running.pop(kind).cancel()
                    self._caches.pop(kind, None)
                for kind in self._wanted - running.keys():
                    running[kind] = tasks.create_task(self._watch(kind))
                self._wanted_changed.clear()
                await self._wanted_changed.wait()

    async def _watch(self, kind: Kind) -> None:
        resource = await self._discover(kind)
        while resource is None:
            await asyncio.sleep(self._rediscover_seconds)
            resource = await self._discover(kind)  # the kind, or the API server, may have come
        cache = WatchCache(self._cluster, resource)
        self._caches[kind] = cache
        await cache.run()

    async def _answer(self, lookup: Lookup) -> Any:
        try:
            if isinstance(lookup, Access):
                return await self._review(lookup)
            if isinstance(lookup, Deletions):
                return Unavailable("the API server does not count deletions")
            if isinstance(lookup, SchemaOf):
                return await self._schemas.find(lookup.api_version, lookup.kind)
            resource = await self._discovery.find(lookup.api_version, lookup.kind)
            if isinstance(lookup, Scope):
                return resource and resource.namespaced
            return await self._read(lookup, resource)
        except ClusterError as error:
            return Unavailable(str(error))

    async def _read(self, lookup: Get | List, resource: Resource | None) -> Any:
        if resource is None:
            text = f'no matches for kind "{lookup.kind}" in version "{lookup.api_version}"'
            return Unavailable(text)
        namespace = lookup.namespace if resource.namespaced else ""
        if isinstance(lookup, List):
            return await self._list(lookup, resource, namespace)
        if resource.namespaced and not namespace:
            return Unavailable(f"{lookup.kind} {lookup.name!r} is looked for without a namespace")
        return await self._cluster.get(resource, namespace, lookup.name)

    async def _list(self, lookup: List, resource: Resource, namespace: str) -> list[Json]:
        try:
            place = (resource, namespace, lookup.label_selector)
            if lookup.limit:
                return list(await self._cluster.some(*place, lookup.limit))
            found = await self._cluster.list(*place)
        except ClusterError as error:
            if error.status == NOT_FOUND and await self._is_gone(lookup):
                return []  # with a CustomResourceDefinition all its objects go
            raise
        return list(found.items)

    async def _is_gone(self, lookup: List) -> bool:
        """Tell whether a kind that discovery knew is served no more."""
        self._discovery.forget(lookup.api_version)
        return await self._discovery.find(lookup.api_version, lookup.kind) is None

    async def _discover(self, kind: Kind) -> Resource | None:
        try:
            return await self._discovery.find(*kind)
        except ClusterError:
            return None

    async def _review(self, lookup: Access) -> Any:
        answer = await self._cluster.create(ACCESS_REVIEWS, access_review(lookup))
        return answer.get("status") or {}


class CachedAnswers(Mapping[Lookup, Any]):
    """What the caches answer, looked up when asked and then kept: one request, one truth."""

    def __init__(self, caches: Mapping[Kind, WatchCache]) -> None:
        self._caches = caches
        self._given: dict[Lookup, Any] = {}

    def __getitem__(self, lookup: Lookup) -> Any:
        answer = self._given.get(lookup, MISSING)
        if answer is MISSING:
            answer = _from_caches(self._caches, lookup)
            if answer is MISSING:
                raise KeyError(lookup)
            self._given[lookup] = answer
        return answer

    def __contains__(self, lookup: object) -> bool:
        try:
            self[lookup]  # type: ignore[index]  # anything may be asked for, as with a dict
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[Lookup]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def access_review(lookup: Access) -> Json:
    """Return the SubjectAccessReview that asks the API server (kubernetes-cel.md 7)."""
    attributes = dict(lookup.attributes)
    spec = _subject(lookup.user_info)
    if "path" in attributes:
        spec["nonResourceAttributes"] = {"path": attributes["path"], "verb": lookup.verb}
    else:
        texts = {key: value for key, value in attributes.items() if key not in SELECTORS}
        raw = {key: {"rawSelector": attributes[key]} for key in SELECTORS if key in attributes}
        spec["resourceAttributes"] = {"version": "*", **texts, **raw, "verb": lookup.verb}
    kind = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": ACCESS_REVIEWS.kind}
    return {**kind, "metadata": {}, "spec": spec}


def _subject(user: UserInfo) -> dict[str, Json]:
    spec = {
        "user": user.username,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra},
    }
    return {key: value for key, value in spec.items() if value}


def _from_caches(caches: Mapping[Kind, WatchCache], lookup: object) -> Any:
    """Return the answer, or MISSING when a cache does not know or does not exist."""
    if not isinstance(lookup, Get | List | Scope):
        return MISSING
    if not isinstance(lookup, Scope) and lookup.live:
        return MISSING
    cache = caches.get((lookup.api_version, lookup.kind))
    if cache is None or not cache.synced:
        return MISSING
    if isinstance(lookup, Scope):
        return cache.resource.namespaced
    namespace = lookup.namespace if cache.resource.namespaced else ""
    if isinstance(lookup, Get):
        # Not in the copy is not yet "not found": it may be too new, so it is asked for live.
        found = cache.get(namespace, lookup.name)
        return MISSING if found is None else found
    try:
        objects = (cache.objects[key] for key in sorted(cache.objects))
        return select(objects, namespace, lookup.label_selector)
    except QueryError as error:
        return Unavailable(str(error))
