"""The copy of a resource stays true through endings, errors, lost events and silence."""

from __future__ import annotations

import asyncio

import pytest

from tests.edge.fake_api import Failure, FakeApi, Object, eventually, forbidden, task_running
from webhook.cluster import watch
from webhook.cluster.backoff import Backoff, jittered
from webhook.cluster.client import Cluster
from webhook.cluster.resources import CONFIG_MAPS, NAMESPACES
from webhook.cluster.watch import WatchCache

BOOKMARK = '{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "900"}}}'
ODD_ERROR = '{"type": "ERROR", "object": {"code": 500, "message": "etcd is away"}}'


def namespace(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}}


def new_cache(cluster: Cluster) -> WatchCache:
    return WatchCache(cluster, NAMESPACES, backoff=Backoff(0.001, 0.01))


def names(cache: WatchCache) -> list[str]:
    return sorted(name for _, name in cache.objects)


async def test_lists_first_and_follows_events(api: FakeApi, cluster: Cluster) -> None:
    api.put(NAMESPACES, namespace("a"))
    cache = new_cache(cluster)
    assert not cache.synced
    async with task_running(cache.run()):
        await cache.wait_synced()
        assert names(cache) == ["a"]
        api.put(NAMESPACES, namespace("b"))
        await eventually(lambda: names(cache) == ["a", "b"])
        api.put(NAMESPACES, namespace("a", tier="gold"))
        await eventually(lambda: cache.objects["", "a"]["metadata"]["labels"] == {"tier": "gold"})
        api.remove(NAMESPACES, "", "b")
        await eventually(lambda: names(cache) == ["a"])
    assert cache.get("", "a") is not None
    assert cache.get("", "b") is None
    assert api.count("limit=") == 1
    assert cache.failure == ""


async def test_only_the_namespace_and_the_labels(api: FakeApi, cluster: Cluster) -> None:
    for place, labels in (("here", {"on": "true"}), ("here", {}), ("there", {"on": "true"})):
        name = f"{place}-{len(labels)}"
        api.put(CONFIG_MAPS, {"metadata": {"name": name, "namespace": place, "labels": labels}})
    cache = WatchCache(cluster, CONFIG_MAPS, namespace="here", labels="on=true")
    async with task_running(cache.run()):
        await cache.wait_synced()
        assert list(cache.objects) == [("here", "here-1")]


async def test_watch_that_ends_goes_on_from_the_last_version(
    api: FakeApi, cluster: Cluster
) -> None:
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        api.put(NAMESPACES, namespace("a"))
        await eventually(lambda: names(cache) == ["a"])
        version = api.version
        api.break_watches()
        await eventually(lambda: api.count(f"resourceVersion={version}&") == 1)
        api.put(NAMESPACES, namespace("b"))
        await eventually(lambda: names(cache) == ["a", "b"])
    assert api.count("limit=") == 1


async def test_bookmark_moves_the_version(api: FakeApi, cluster: Cluster) -> None:
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        await eventually(lambda: api.count("watch=true") == 1)
        api.say("namespaces", BOOKMARK)
        await eventually(lambda: not api.raw_lines["namespaces"])
        api.break_watches()
        await eventually(lambda: api.count("resourceVersion=900&") >= 1)


async def test_gone_lists_again_and_compares(api: FakeApi, cluster: Cluster) -> None:
    """What happened between the last event and the list must not be lost, deletions included."""
    for name in "abc":
        api.put(NAMESPACES, namespace(name))
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        await eventually(lambda: api.count("watch=true") == 1)
        api.fail("watch=true", Failure(410, '{"kind": "Status", "message": "gone"}'))
        api.break_watches()
        api.remove(NAMESPACES, "", "a")
        api.put(NAMESPACES, namespace("b", new="true"))
        api.put(NAMESPACES, namespace("d"))
        api.expire()
        await eventually(lambda: names(cache) == ["b", "c", "d"])
        assert cache.objects["", "b"]["metadata"]["labels"] == {"new": "true"}
        await eventually(lambda: cache.failure == "")
    assert api.count("limit=") >= 2


async def test_gone_as_an_event_lists_again(api: FakeApi, cluster: Cluster) -> None:
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        await eventually(lambda: api.count("watch=true") == 1)
        api.put(NAMESPACES, namespace("a"))
        await eventually(lambda: names(cache) == ["a"])
        api.version += 10
        api.expire()
        api.break_watches()
        await eventually(lambda: api.count("limit=") == 2)
        assert names(cache) == ["a"]


@pytest.mark.parametrize("line", [ODD_ERROR, "}{"], ids=["error event", "not JSON"])
async def test_any_error_lists_again(line: str, api: FakeApi, cluster: Cluster) -> None:
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        await eventually(lambda: api.count("watch=true") == 1)
        api.say("namespaces", line)
        await eventually(lambda: api.count("limit=") == 2)
        await eventually(lambda: cache.failure == "")


async def test_same_list_is_no_change(api: FakeApi, cluster: Cluster) -> None:
    api.put(NAMESPACES, namespace("a"))
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        before = cache.generation
        await eventually(lambda: api.count("watch=true") == 1)
        api.say("namespaces", ODD_ERROR)
        await eventually(lambda: api.count("limit=") == 2 and cache.failure == "")
        assert cache.generation == before == 1


async def test_unreachable_server_takes_nothing_away(api: FakeApi, cluster: Cluster) -> None:
    api.put(NAMESPACES, namespace("a"))
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        await eventually(lambda: api.count("watch=true") == 1)
        api.fail("GET api/v1/namespaces", *[Failure(200, None)] * 20)
        api.break_watches()
        await eventually(lambda: api.count("limit=") > 4)
        assert names(cache) == ["a"]
        assert cache.failure
        api.failures.clear()
        api.put(NAMESPACES, namespace("b"))
        await eventually(lambda: names(cache) == ["a", "b"])
        await eventually(lambda: cache.failure == "")


async def test_kind_that_goes_is_forgotten(api: FakeApi, cluster: Cluster) -> None:
    api.put(NAMESPACES, namespace("a"))
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        api.fail("GET api/v1/namespaces", *[Failure(404, "404 page not found")] * 10)
        api.break_watches()
        await eventually(lambda: not cache.synced)
        assert names(cache) == []
        await cache.wait_synced()
        assert names(cache) == ["a"]


async def test_missing_rights_are_said_once_and_waited_out(
    api: FakeApi, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    api.fail("GET api/v1/namespaces", *[forbidden("cannot list namespaces")] * 5)
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await eventually(lambda: "cannot list namespaces" in cache.failure)
        assert not cache.synced
        await cache.wait_synced()
        await eventually(lambda: cache.failure == "")
    messages = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert messages == ["watch interrupted, listing again"]


async def test_watch_that_ends_at_once_is_an_error(
    api: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache(cluster)
    monkeypatch.setattr(watch, "SHORTEST_WATCH", 60.0)
    async with task_running(cache.run()):
        await cache.wait_synced()
        await eventually(lambda: api.count("watch=true") == 1)
        api.break_watches()
        await eventually(lambda: api.count("limit=") == 2)


async def test_silent_watch_that_lasted_goes_on(
    api: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache(cluster)
    monkeypatch.setattr(watch, "SHORTEST_WATCH", 0.0)
    async with task_running(cache.run()):
        await cache.wait_synced()
        await eventually(lambda: api.count("watch=true") == 1)
        api.break_watches()
        await eventually(lambda: api.count("watch=true") == 2)
    assert api.count("limit=") == 1


async def test_changed_waits_for_the_next_change(api: FakeApi, cluster: Cluster) -> None:
    cache = new_cache(cluster)
    async with task_running(cache.run()):
        await cache.wait_synced()
        waiting = asyncio.ensure_future(cache.changed())
        await asyncio.sleep(0)
        assert not waiting.done()
        api.put(NAMESPACES, namespace("a"))
        await asyncio.wait_for(waiting, 5)


def test_backoff_doubles_up_to_its_limit() -> None:
    backoff = Backoff(1.0, 4.0)
    for base in (1.0, 2.0, 4.0, 4.0):
        assert base * 0.5 <= backoff.next() <= base * 1.5
    backoff.reset()
    assert backoff.next() <= 1.5


def test_jitter_is_small() -> None:
    assert all(9.0 <= jittered(10.0) <= 11.0 for _ in range(100))
