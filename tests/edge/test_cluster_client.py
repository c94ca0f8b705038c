"""Requests to the API server: what is sent, what comes back, how failures read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge.fake_api import Failure, FakeApi, forbidden, kubeconfig
from webhook.cluster.client import PAGE, Cluster, ClusterError, connect
from webhook.cluster.resources import CONFIG_MAPS, NAMESPACES, SECRETS, Resource


def config_map(name: str, namespace: str = "shop", **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "data": {}}


async def test_get_returns_plain_json(api: FakeApi, cluster: Cluster) -> None:
    stored = api.put(NAMESPACES, {"metadata": {"name": "shop"}, "spec": {"weight": 1.5}})
    found = await cluster.get(NAMESPACES, "", "shop")
    assert found == stored
    assert type(found) is dict


async def test_get_of_nothing_is_none(cluster: Cluster) -> None:
    assert await cluster.get(NAMESPACES, "", "nowhere") is None


async def test_get_of_an_unknown_kind_is_an_error(cluster: Cluster) -> None:
    unknown = Resource("example.com", "v9", "ghosts", "Ghost")
    with pytest.raises(ClusterError, match="404 page not found") as failed:
        await cluster.get(unknown, "shop", "casper")
    assert failed.value.status == 404


async def test_list_follows_all_pages(api: FakeApi, cluster: Cluster) -> None:
    for number in range(PAGE + 1):
        api.put(CONFIG_MAPS, config_map(f"c{number:04}"))
    listing = await cluster.list(CONFIG_MAPS, "shop")
    assert len(listing.items) == PAGE + 1
    assert listing.resource_version == str(api.version)
    assert listing.items[0]["kind"] == "ConfigMap"
    assert api.count("continue=") == 1


async def test_list_selects_namespace_and_labels(api: FakeApi, cluster: Cluster) -> None:
    api.put(CONFIG_MAPS, config_map("a", "shop", tier="gold"))
    api.put(CONFIG_MAPS, config_map("b", "shop"))
    api.put(CONFIG_MAPS, config_map("c", "office", tier="gold"))
    everywhere = await cluster.list(CONFIG_MAPS, labels="tier=gold")
    assert [one["metadata"]["name"] for one in everywhere.items] == ["c", "a"]
    assert len((await cluster.list(CONFIG_MAPS, "shop")).items) == 2


async def test_create_replace_apply_delete(api: FakeApi, cluster: Cluster) -> None:
    created = await cluster.create(CONFIG_MAPS, config_map("a"))
    await cluster.replace(CONFIG_MAPS, {**created, "data": {"k": "1"}})
    assert api.get(CONFIG_MAPS, "shop", "a")["data"] == {"k": "1"}
    await cluster.apply(CONFIG_MAPS, {**config_map("a"), "data": {"k": "2"}})
    assert api.get(CONFIG_MAPS, "shop", "a")["data"] == {"k": "2"}
    assert api.count("PATCH") == api.count("fieldManager=propylon&force=true") == 1
    assert await cluster.delete(CONFIG_MAPS, "shop", "a") is True
    assert await cluster.delete(CONFIG_MAPS, "shop", "a") is False


async def test_conflicts_have_their_status(api: FakeApi, cluster: Cluster) -> None:
    created = await cluster.create(CONFIG_MAPS, config_map("a"))
    with pytest.raises(ClusterError, match="already exists") as failed:
        await cluster.create(CONFIG_MAPS, config_map("a"))
    assert failed.value.status == 409
    api.put(CONFIG_MAPS, config_map("a"))
    with pytest.raises(ClusterError, match="modified"):
        await cluster.replace(CONFIG_MAPS, created)


FAILURES = {
    "forbidden": (
        forbidden('secrets "a" is forbidden: User "u" cannot get resource "secrets"'),
        'GET api/v1/namespaces/shop/secrets/a: HTTP 403: secrets "a" is forbidden: User "u" cannot get resource "secrets"; allow it in Propylon\'s ClusterRole or Role',
    ),
    "text of a proxy": (
        Failure(502, "bad gateway", "text/plain"),
        "GET api/v1/namespaces/shop/secrets/a: HTTP 502: bad gateway",
    ),
    "no reason": (
        Failure(500, "", "text/plain"),
        "GET api/v1/namespaces/shop/secrets/a: HTTP 500: no reason given",
    ),
    "JSON that is no Status": (
        Failure(500, "[]"),
        "GET api/v1/namespaces/shop/secrets/a: HTTP 500: []",
    ),
    "success that is no JSON": (
        Failure(200, "<html>"),
        "GET api/v1/namespaces/shop/secrets/a: the answer is not JSON",
    ),
}


@pytest.mark.parametrize(("failure", "text"), FAILURES.values(), ids=FAILURES)
async def test_failure_is_readable(
    failure: Failure, text: str, api: FakeApi, cluster: Cluster
) -> None:
    api.fail("secrets/a", failure)
    with pytest.raises(ClusterError) as failed:
        await cluster.get(SECRETS, "shop", "a")
    assert str(failed.value) == text


async def test_broken_connection_is_no_answer(api: FakeApi, cluster: Cluster) -> None:
    api.fail("secrets/a", Failure(200, None))
    with pytest.raises(ClusterError, match="no answer") as failed:
        await cluster.get(SECRETS, "shop", "a")
    assert failed.value.status == 0


BROKEN_LISTS = {
    "no object": "[]",
    "no metadata": '{"items": []}',
    "metadata is text": '{"metadata": "1", "items": []}',
    "item without metadata": '{"metadata": {"resourceVersion": "1"}, "items": [{}]}',
}


@pytest.mark.parametrize("body", BROKEN_LISTS.values(), ids=BROKEN_LISTS)
async def test_an_answer_that_is_no_list(body: str, api: FakeApi, cluster: Cluster) -> None:
    api.fail("GET api/v1/namespaces", Failure(200, body))
    with pytest.raises(ClusterError, match="no list"):
        await cluster.list(NAMESPACES)


CONTEXT = '"contexts": [{"name": "x", "context": {"cluster": "c"%s}}], "current-context": "x"'
CLUSTER = '"clusters": [{"name": "c", "cluster": {"server": "https://h"%s}}]'
USER = '"users": [{"name": "u", "user": {}}]'
MISSING_CA = CLUSTER % ', "certificate-authority": "/none/ca.crt"'

KUBECONFIGS = {
    "missing": (None, "not found"),
    "not YAML": ("[", "cannot use"),
    "no context": ('{"clusters": [], "contexts": [], "users": []}', "No current context"),
    "no clusters": ("{}", "clusters"),
    "a list": ("[1]", "cannot use"),
    "wrong types": ('{"clusters": [{"name": "c", "cluster": {"server": 5}}]}', "server"),
    "no user": (f"{{{CLUSTER % ''}, {CONTEXT % ''}}}", "Missing user"),
    "missing CA": (f"""{{{MISSING_CA}, {USER}, {CONTEXT % ', "user": "u"'}}}""", "No such file"),
}


@pytest.mark.parametrize(("content", "text"), KUBECONFIGS.values(), ids=KUBECONFIGS)
def test_unusable_kubeconfig_is_named(content: str | None, text: str, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ClusterError, match=text) as failed:
        connect(file)
    assert str(file) in str(failed.value)


async def test_connects_with_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, "http://127.0.0.1:1")))
    cluster = connect()
    with pytest.raises(ClusterError, match="no answer"):
        await cluster.fetch("version")
    await cluster.close()


async def test_account_of_a_pod_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, "http://127.0.0.1:1")))
    with pytest.raises(ClusterError, match="serviceaccount"):
        connect()


async def test_watch_yields_events_and_ends(api: FakeApi, cluster: Cluster) -> None:
    api.put(NAMESPACES, {"metadata": {"name": "a"}})
    async with cluster.watch(NAMESPACES, "", "", "100") as events:
        first = await anext(events)
        api.break_watches()
        assert [one async for one in events] == []
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert api.count("allowWatchBookmarks=true") == 1


async def test_refused_watch_is_an_error(api: FakeApi, cluster: Cluster) -> None:
    api.fail("watch=true", forbidden("cannot watch"))
    with pytest.raises(ClusterError, match="cannot watch") as failed:
        async with cluster.watch(NAMESPACES, "", "", "1"):
            pass
    assert failed.value.status == 403


BROKEN_EVENTS = {
    "not JSON": "}",
    "a number": "7",
    "no type": "{}",
    "no object": '{"type": "ADDED"}',
    "no version": '{"type": "ADDED", "object": {"metadata": {"resourceVersion": ""}}}',
}


@pytest.mark.parametrize("line", BROKEN_EVENTS.values(), ids=BROKEN_EVENTS)
async def test_a_line_that_is_no_event(line: str, api: FakeApi, cluster: Cluster) -> None:
    api.say("namespaces", line)
    with pytest.raises(ClusterError, match=r"a watch event|no watch event"):
        async with cluster.watch(NAMESPACES, "", "", str(api.version)) as events:
            await anext(events)


async def test_watch_that_breaks_is_an_error(api: FakeApi, cluster: Cluster) -> None:
    api.fail("watch=true", Failure(200, None))
    with pytest.raises(ClusterError, match=r"broke|no watch event"):
        async with cluster.watch(NAMESPACES, "", "", "1") as events:
            await anext(events)
