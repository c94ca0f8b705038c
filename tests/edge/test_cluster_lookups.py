"""Facts: from the watch caches at once, else live, and every failure as a readable answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.builders import pod, request
from tests.edge.fake_api import Failure, FakeApi, Object, eventually, forbidden, task_running
from webhook.cluster.client import Cluster
from webhook.cluster.discovery import Discovery
from webhook.cluster.label_query import QueryError, parse_query, select
from webhook.cluster.lookups import Resolver, access_review
from webhook.cluster.resources import NAMESPACES, Resource
from webhook.model import (
    NEVER,
    Access,
    Deletions,
    Facts,
    Get,
    List,
    Lookup,
    NeedFacts,
    Scope,
    Unavailable,
    UserInfo,
)
from webhook.snapshot import EMPTY
from webhook.sources.objects import DirectoryResolver

BUDGETS = Resource("example.com", "v1", "budgets", "Budget")
TIERS = Resource("example.com", "v1", "tiers", "Tier", namespaced=False)
BUDGET = ("example.com/v1", "Budget")
TIER = ("example.com/v1", "Tier")
ALICE = UserInfo("alice", "7", ("devs",), (("scopes", ("a", "b")),))


@pytest.fixture
def resolver(cluster: Cluster) -> Resolver:
    return Resolver(cluster, Discovery(cluster), rediscover_seconds=0.01)


@pytest.fixture
async def watching(resolver: Resolver, api: FakeApi) -> AsyncIterator[Resolver]:
    async with task_running(resolver.run()):
        await resolver.namespaces.wait_synced()
        yield resolver


def budget(name: str, namespace: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}}


def known(resolver: Resolver) -> Facts:
    return resolver.known_facts(request(pod()), EMPTY)


async def resolve(resolver: Resolver, lookup: Lookup) -> Any:
    return (await resolver.resolve([lookup], NEVER))[lookup]


async def test_watched_namespace_is_known_without_waiting(api: FakeApi, watching: Resolver) -> None:
    stored = api.put(NAMESPACES, {"metadata": {"name": "shop"}})
    await eventually(lambda: watching.namespaces.get("", "shop") is not None)
    assert known(watching).namespace("shop") == stored


async def test_namespace_that_is_too_new_is_asked_for(api: FakeApi, watching: Resolver) -> None:
    with pytest.raises(NeedFacts):
        known(watching).namespace("shop")
    assert await resolve(watching, Get("v1", "Namespace", "", "shop")) is None


async def test_live_lookups_are_not_answered_from_caches(api: FakeApi, watching: Resolver) -> None:
    stored = api.put(NAMESPACES, {"metadata": {"name": "shop"}})
    await eventually(lambda: watching.namespaces.get("", "shop") is not None)
    lookup = Get("v1", "Namespace", "", "shop", live=True)
    assert lookup not in known(watching).known
    assert List("v1", "Namespace", "", live=True) not in known(watching).known
    assert await resolve(watching, lookup) == stored


async def test_access_is_never_known_before(watching: Resolver) -> None:
    assert Access(ALICE, "get", (("path", "/x"),)) not in known(watching).known


async def test_nothing_is_known_before_the_first_list(api: FakeApi, resolver: Resolver) -> None:
    stored = api.put(NAMESPACES, {"metadata": {"name": "shop"}})
    with pytest.raises(NeedFacts):
        known(resolver).namespace("shop")
    assert await resolve(resolver, Get("v1", "Namespace", "", "shop")) == stored


async def test_parameters_are_watched_and_forgotten(api: FakeApi, watching: Resolver) -> None:
    gold = api.put(BUDGETS, budget("gold", "shop", tier="gold"))
    api.put(BUDGETS, budget("lead", "office"))
    watching.watch_parameters([BUDGET])
    get, everywhere = Get(*BUDGET, "shop", "gold"), List(*BUDGET, "")
    await eventually(lambda: get in known(watching).known)
    assert known(watching).look_up(get) == gold
    assert len(known(watching).look_up(everywhere)) == 2
    assert known(watching).look_up(List(*BUDGET, "shop", "tier in (gold,silver)")) == [gold]
    assert known(watching).look_up(Scope(*BUDGET)) is True
    assert isinstance(known(watching).look_up(List(*BUDGET, "", "=")), Unavailable)
    watching.watch_parameters([])
    await eventually(lambda: get not in known(watching).known)


async def test_parameters_of_a_kind_that_comes_later(api: FakeApi, watching: Resolver) -> None:
    api.resources = [one for one in api.resources if one.group != "example.com"]
    watching.watch_parameters([BUDGET])
    await eventually(lambda: api.count("GET apis/example.com/v1") == 1)
    api.resources.append(BUDGETS)
    watching._discovery.forget("example.com/v1")
    await eventually(lambda: List(*BUDGET, "") in known(watching).known)


async def test_discovery_that_fails_is_tried_again(api: FakeApi, watching: Resolver) -> None:
    api.fail("apis/example.com/v1", Failure(500))
    watching.watch_parameters([TIER])
    await eventually(lambda: Scope(*TIER) in known(watching).known)
    assert known(watching).look_up(Scope(*TIER)) is False


async def test_parameters_that_may_not_be_read_are_told(api: FakeApi, watching: Resolver) -> None:
    api.fail("apis/example.com/v1/budgets", Failure(403, '{"message": "may not list budgets"}'))
    watching.watch_parameters([BUDGET])
    await eventually(lambda: "may not list budgets" in watching.parameter_failure)
    assert watching.namespaces.failure == ""
    await eventually(lambda: watching.parameter_failure == "")


async def test_caches_answer_the_same_all_through_a_request(
    api: FakeApi, watching: Resolver
) -> None:
    api.put(NAMESPACES, {"metadata": {"name": "shop"}})
    await eventually(lambda: watching.namespaces.get("", "shop") is not None)
    facts = known(watching)
    before = facts.namespace("shop")
    api.remove(NAMESPACES, "", "shop")
    await eventually(lambda: watching.namespaces.get("", "shop") is None)
    assert facts.namespace("shop") is before
    later = facts | {Get("v1", "Namespace", "", "other"): None}
    assert later.namespace("shop") is before
    assert len(facts.known) == 1


LIVE = {
    "namespaced object": (Get(*BUDGET, "shop", "gold"), "gold"),
    "cluster-scoped object": (Get(*TIER, "", "one"), "one"),
    "namespace of a cluster-scoped kind does not matter": (Get(*TIER, "shop", "one"), "one"),
}


@pytest.mark.parametrize(("lookup", "name"), LIVE.values(), ids=LIVE)
async def test_any_kind_is_read_live(
    lookup: Get, name: str, api: FakeApi, resolver: Resolver
) -> None:
    api.put(BUDGETS, budget("gold", "shop"))
    api.put(TIERS, {"metadata": {"name": "one"}})
    assert (await resolve(resolver, lookup))["metadata"]["name"] == name


async def test_the_api_server_counts_no_deletions(resolver: Resolver) -> None:
    for answer in (resolve(resolver, Deletions("alice", 60.0)), no_cluster()):
        assert isinstance(await answer, Unavailable)


async def no_cluster() -> Any:
    return DirectoryResolver().answer(Deletions("alice", 60.0))


async def test_a_limited_list_is_one_page(api: FakeApi, resolver: Resolver) -> None:
    for number in range(5):
        api.put(BUDGETS, budget(f"b{number}", "shop"))
    few = List(*BUDGET, "", live=True, limit=2)
    assert len(await resolve(resolver, few)) == 2
    assert api.count("budgets?") == 1
    assert len(await resolve(resolver, replace(few, limit=0))) == 5


async def test_lists_are_read_live(api: FakeApi, resolver: Resolver) -> None:
    api.put(BUDGETS, budget("gold", "shop", tier="gold"))
    api.put(BUDGETS, budget("lead", "shop"))
    api.put(TIERS, {"metadata": {"name": "one"}})
    lookups = [List(*BUDGET, "shop", "tier=gold"), List(*BUDGET, ""), List(*TIER, "shop")]
    answers = await resolver.resolve(lookups, NEVER)
    found = [[one["metadata"]["name"] for one in answers[lookup]] for lookup in lookups]
    assert found == [["gold"], ["gold", "lead"], ["one"]]
    assert api.count("GET apis/example.com/v1") - api.count("GET apis/example.com/v1/") == 1


@pytest.mark.parametrize(
    ("lookup", "answer"),
    [(Scope(*BUDGET), True), (Scope(*TIER), False), (Scope("example.com/v1", "Ghost"), None)],
    ids=["namespaced", "cluster-scoped", "unknown"],
)
async def test_scope_is_discovered(lookup: Scope, answer: object, resolver: Resolver) -> None:
    assert await resolve(resolver, lookup) is answer


REFUSED = "HTTP 403: not you; allow it in Propylon's ClusterRole or Role"
UNAVAILABLE = {
    "unknown kind": (
        Get("example.com/v1", "Ghost", "shop", "x"),
        'no matches for kind "Ghost" in version "example.com/v1"',
    ),
    "unknown version": (
        List("example.com/v7", "Budget", "shop"),
        'no matches for kind "Budget" in version "example.com/v7"',
    ),
    "no namespace": (
        Get(*BUDGET, "", "gold"),
        "Budget 'gold' is looked for without a namespace",
    ),
    "no rights": (
        Get("v1", "ConfigMap", "shop", "x"),
        f"GET api/v1/namespaces/shop/configmaps/x: {REFUSED}",
    ),
    "no rights to ask": (
        Access(ALICE, "get", (("path", "/x"),)),
        f"POST apis/authorization.k8s.io/v1/subjectaccessreviews: {REFUSED}",
    ),
}


@pytest.mark.parametrize(("lookup", "reason"), UNAVAILABLE.values(), ids=UNAVAILABLE)
async def test_failure_is_an_answer(
    lookup: Lookup, reason: str, api: FakeApi, resolver: Resolver
) -> None:
    api.fail("configmaps/x", forbidden("not you"))
    api.fail("subjectaccessreviews", forbidden("not you"))
    assert await resolve(resolver, lookup) == Unavailable(reason)


async def test_unknown_version_is_not_asked_for_at_once_again(
    api: FakeApi, resolver: Resolver
) -> None:
    for _ in range(3):
        await resolve(resolver, Scope("example.com/v7", "Budget"))
    assert api.count("example.com/v7") == 1


async def test_known_kinds_are_asked_for_again_in_time(api: FakeApi, cluster: Cluster) -> None:
    now = 0.0
    discovery = Discovery(cluster, lambda: now)
    assert await discovery.find(*BUDGET) == BUDGETS
    api.resources = [replace(BUDGETS, namespaced=False)]
    assert await discovery.find(*BUDGET) == BUDGETS
    now += 601
    api.fail("apis/example.com/v1", Failure(500))
    assert await discovery.find(*BUDGET) == BUDGETS
    now += 601
    found = await discovery.find(*BUDGET)
    assert found == api.resources[0]
    assert api.count("apis/example.com/v1") == 3


async def test_a_kind_that_went_has_no_objects(api: FakeApi, resolver: Resolver) -> None:
    """Its definition was deleted after discovery: nothing is left that could not be verified."""
    lookup = List(*BUDGET, "shop", live=True)
    api.put(BUDGETS, budget("gold", "shop"))
    assert len(await resolve(resolver, lookup)) == 1
    api.resources = [one for one in api.resources if one.kind != "Budget"]
    assert await resolve(resolver, lookup) == []
    assert await resolve(resolver, Scope(*BUDGET)) is None


async def test_a_list_that_is_not_found_is_no_answer(api: FakeApi, resolver: Resolver) -> None:
    """As long as the kind is served, nobody can tell what a 404 means."""
    api.fail("apis/example.com/v1/namespaces/shop/budgets", Failure(404, "404 page not found"))
    answer = await resolve(resolver, List(*BUDGET, "shop", live=True))
    assert isinstance(answer, Unavailable)
    assert "HTTP 404: 404 page not found" in answer.reason


@dataclass
class Countdown:
    """A deadline that passes after so many questions."""

    left: int

    def expired(self) -> bool:
        self.left -= 1
        return self.left < 0


async def test_deadline_ends_the_wait(api: FakeApi, resolver: Resolver) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def hang(_lookup: object) -> None:
        entered.set()
        await release.wait()

    slow, quick = Access(ALICE, "get", (("path", "/slow"),)), Get("v1", "Namespace", "", "shop")
    resolver._review = hang  # type: ignore[assignment,method-assign]  # a server that never answers
    answers = await resolver.resolve([slow, quick], Countdown(10))
    assert entered.is_set()
    assert "deadline" in answers[slow].reason
    assert answers[quick] is None


async def test_passed_deadline_asks_nothing(api: FakeApi, resolver: Resolver) -> None:
    lookup = Get("v1", "Namespace", "", "shop")
    answers = await resolver.resolve([lookup], Countdown(0))
    assert isinstance(answers[lookup], Unavailable)
    assert api.requests == []


async def test_access_is_reviewed(api: FakeApi, resolver: Resolver) -> None:
    api.review_status = {"allowed": False, "reason": "because", "evaluationError": "boom"}
    lookup = Access(ALICE, "create", (("group", "apps"), ("resource", "deployments")))
    assert await resolve(resolver, lookup) == api.review_status
    assert api.reviews == [access_review(lookup)]


SUBJECT = {"user": "alice", "uid": "7", "groups": ["devs"], "extra": {"scopes": ["a", "b"]}}
REVIEWS = {
    "path": (
        Access(ALICE, "get", (("path", "/healthz"),)),
        {**SUBJECT, "nonResourceAttributes": {"path": "/healthz", "verb": "get"}},
    ),
    "resource": (
        Access(UserInfo("bob"), "list", (("group", ""), ("namespace", "d"), ("resource", "pods"))),
        {
            "user": "bob",
            "resourceAttributes": {
                "group": "",
                "namespace": "d",
                "resource": "pods",
                "verb": "list",
                "version": "*",
            },
        },
    ),
    "selectors": (
        Access(UserInfo("bob"), "list", (("fieldSelector", "a=b"), ("labelSelector", "c"))),
        {
            "user": "bob",
            "resourceAttributes": {
                "fieldSelector": {"rawSelector": "a=b"},
                "labelSelector": {"rawSelector": "c"},
                "verb": "list",
                "version": "*",
            },
        },
    ),
}


@pytest.mark.parametrize(("lookup", "spec"), REVIEWS.values(), ids=REVIEWS)
def test_review_follows_the_contract(lookup: Access, spec: object) -> None:
    assert access_review(lookup)["spec"] == spec


LABELS: dict[str, dict[str, str]] = {
    "plain": {},
    "web": {"app": "web", "tier": "gold"},
    "old": {"app": "old"},
}

QUERIES = {
    "everything": ("", ["plain", "web", "old"]),
    "equals": ("app=web", ["web"]),
    "double equals": ("app==web", ["web"]),
    "not equals": ("app!=web", ["plain", "old"]),
    "in": ("app in (web, old)", ["web", "old"]),
    "not in": ("app notin (web)", ["plain", "old"]),
    "exists": ("tier", ["web"]),
    "does not exist": ("!tier", ["plain", "old"]),
    "several": ("app,tier=gold", ["web"]),
    "empty value": ("app=", []),
}


@pytest.mark.parametrize(("text", "expected"), QUERIES.values(), ids=QUERIES)
def test_query_selects(text: str, expected: list[str]) -> None:
    objects = [{"metadata": {"name": name, "labels": labels}} for name, labels in LABELS.items()]
    assert [one["metadata"]["name"] for one in select(objects, "", text)] == expected


@pytest.mark.parametrize("text", ["=", "a b", "a in", "a in (x", "-bad-=x", "a,,b"])
def test_bad_query_is_named(text: str) -> None:
    with pytest.raises(QueryError, match="label selector"):
        parse_query(text)


def test_objects_without_metadata_are_nowhere() -> None:
    assert select([{}, {"metadata": None}], "shop", "") == []
