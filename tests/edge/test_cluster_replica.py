"""A whole replica against the fake API server: it starts, follows, and survives trouble."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.builders import pod, request
from tests.edge.documents import BROKEN, policy
from tests.edge.fake_api import FakeApi, Object, eventually, forbidden, task_running
from webhook.cluster.client import Cluster
from webhook.cluster.resources import CONFIG_MAPS, LEASES, MUTATING, NAMESPACES, SECRETS, VALIDATING
from webhook.cluster.static import covers, unsent
from webhook.model import Registration
from webhook.replica import Replica, join
from webhook.settings import RegistrationMode, Settings
from webhook.sources.store import SnapshotStore
from webhook.tls.authority import KeyPair, make_material
from webhook.tls.authority import covers as covers_names
from webhook.tls.bootstrap import utc_now

SYSTEM, POLICIES = "propylon-system", "propylon-policies"


@pytest.fixture
def installed(api: FakeApi) -> FakeApi:
    for name in (SYSTEM, POLICIES, "shop"):
        api.put(NAMESPACES, {"metadata": {"name": name}})
    for resource in (MUTATING, VALIDATING):
        api.put(resource, {"metadata": {"name": "propylon"}})
    return api


def settings(tmp_path: Path, **more: Any) -> Settings:
    url = "https://webhook.example:9443"
    return Settings(kubeconfig=tmp_path / "kubeconfig", webhook_url=url, identity="a", **more)


def config_map(name: str, text: str) -> Object:
    labels = {"propylon.dev/policies": "true"}
    metadata = {"name": name, "namespace": POLICIES, "labels": labels}
    return {"metadata": metadata, "data": {"p.yaml": text}}


@asynccontextmanager
async def running_replica(
    settings: Settings, store: SnapshotStore, cluster: Cluster
) -> AsyncIterator[Replica]:
    replica = await join(settings, store, cluster)
    async with task_running(*replica.tasks):
        yield replica


def lacks(replica: Replica) -> dict[str, str]:
    return {name: check() for name, check in replica.checks.items() if check()}


def rules(api: FakeApi) -> dict[str, list[str]]:
    hooks = api.get(VALIDATING, "", "propylon").get("webhooks", [])
    return {hook["name"]: [one["resources"][0] for one in hook["rules"]] for hook in hooks}


async def test_documents_come_into_force_and_are_registered(
    installed: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    store = SnapshotStore()
    installed.put(CONFIG_MAPS, config_map("team", policy("a")))
    async with running_replica(settings(tmp_path), store, cluster) as replica:
        await eventually(lambda: "policies.propylon.dev" in rules(installed))
        assert lacks(replica) == {}
        assert {name: text() for name, text in replica.problems.items() if text()} == {}
        snapshot = store.current().snapshot
        assert snapshot.platform.kubernetes_version == "1.36"
        lease = installed.get(LEASES, SYSTEM, "propylon")
        await eventually(lambda: replica.lag.seconds() == 0.0)
        assert lease["spec"]["holderIdentity"].startswith("a_")
        hook = installed.get(VALIDATING, "", "propylon")["webhooks"][0]
        path = f"/validate/policies/{replica.token}"
        assert hook["clientConfig"]["url"] == f"https://webhook.example:9443{path}"
        secret = installed.get(SECRETS, SYSTEM, "propylon-tls")["data"]
        assert hook["clientConfig"]["caBundle"] == secret["ca.crt"]
        assert covers_names(base64.b64decode(secret["tls.crt"]), ["webhook.example"])
        await eventually(lambda: "propylon-accepted" in installed.names(CONFIG_MAPS, SYSTEM))


async def test_given_version_is_not_asked_for(
    installed: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    store = SnapshotStore()
    installed.put(CONFIG_MAPS, config_map("team", policy("a")))
    async with running_replica(settings(tmp_path, kubernetes_version="1.31"), store, cluster):
        await eventually(lambda: store.synced)
    assert store.current().snapshot.platform.kubernetes_version == "1.31"
    assert installed.count("GET version") == 0


async def test_facts_come_from_the_watches(
    installed: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    store = SnapshotStore()
    text = policy("a").replace(
        '"validations"', '"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},\n "validations"'
    )
    installed.put(CONFIG_MAPS, config_map("team", text))
    async with running_replica(settings(tmp_path), store, cluster) as replica:
        await replica.resolver.namespaces.wait_synced()
        facts = replica.resolver.known_facts(request(pod()), store.current().snapshot)
        assert facts.namespace("shop")["metadata"]["name"] == "shop"
        await eventually(lambda: ("v1", "ConfigMap") in replica.resolver._caches)


async def test_restart_falls_back_to_the_stored_text(
    installed: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    installed.put(CONFIG_MAPS, config_map("team", policy("a")))
    first = SnapshotStore()
    async with running_replica(settings(tmp_path), first, cluster):
        await eventually(lambda: "propylon-accepted" in installed.names(CONFIG_MAPS, SYSTEM))
    installed.put(CONFIG_MAPS, config_map("team", policy("a", BROKEN)))
    second = SnapshotStore()
    async with running_replica(settings(tmp_path), second, cluster) as replica:
        await eventually(lambda: second.synced)
        assert second.current().snapshot.digest == first.current().snapshot.digest
        assert len(second.current().snapshot.errors) == 1
        assert lacks(replica) == {}


async def test_lost_text_keeps_it_from_being_ready(
    installed: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    installed.put(CONFIG_MAPS, config_map("team", policy("a")))
    async with running_replica(settings(tmp_path), SnapshotStore(), cluster):
        await eventually(lambda: "propylon-accepted" in installed.names(CONFIG_MAPS, SYSTEM))
    for name in installed.names(CONFIG_MAPS, SYSTEM):
        if name != "propylon-accepted":
            installed.remove(CONFIG_MAPS, SYSTEM, name)
    installed.put(CONFIG_MAPS, config_map("team", policy("a", BROKEN)))
    before = rules(installed)
    store = SnapshotStore()
    async with running_replica(settings(tmp_path), store, cluster) as replica:
        await eventually(lambda: "documents" in lacks(replica))
        assert "key p.yaml" in lacks(replica)["documents"]
        assert not store.synced
        assert rules(installed) == before


async def test_start_waits_for_the_api_server(
    installed: FakeApi, cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    installed.fail("GET version", forbidden("not yet"))
    installed.fail("propylon-tls", forbidden("not yet"))
    replica = await join(settings(tmp_path), SnapshotStore(), cluster)
    assert replica.token
    assert lacks(replica) == {"configmaps": "not listed yet"}
    assert [one.message for one in caplog.records].count("cannot start yet") == 2
    for task in replica.tasks:
        task.close()


async def test_replica_that_is_behind_says_so(
    installed: FakeApi, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder announces a digest that this one cannot build: its watch is cut off."""
    monkeypatch.setattr("webhook.cluster.lag.UNREADY_SECONDS", 0.01)
    metadata = {
        "name": "propylon",
        "namespace": SYSTEM,
        "annotations": {"propylon.dev/digest": "another"},
    }
    spec = {"holderIdentity": "b", "leaseDurationSeconds": 3600}
    installed.put(LEASES, {"metadata": metadata, "spec": spec})
    store = SnapshotStore()
    async with running_replica(settings(tmp_path), store, cluster) as replica:
        await eventually(lambda: "lag" in lacks(replica) and store.synced)
        assert rules(installed) == {}


class TestStatic:
    """Others write the configurations and choose the token."""

    async def test_nothing_is_written_and_what_is_missing_is_said(
        self,
        installed: FakeApi,
        cluster: Cluster,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        installed.put(CONFIG_MAPS, config_map("team", policy("a")))
        chosen = settings(tmp_path, registration=RegistrationMode.STATIC, token="chosen")
        async with running_replica(chosen, SnapshotStore(), cluster) as replica:
            await eventually(lambda: "not sent by any webhook entry" in caplog.text)
            assert replica.token == "chosen"
            assert replica.problems["configurations"]().startswith("no entry sends policies.")
        texts = [vars(one)["unsent"] for one in caplog.records if hasattr(one, "unsent")]
        assert texts[0][0] == "policies.propylon.dev: CREATE pods in v1"
        assert installed.count("PATCH apis/admissionregistration") == 0
        assert "propylon-path-token" not in installed.names(SECRETS, SYSTEM)

    async def test_sufficient_entries_need_no_word(
        self,
        installed: FakeApi,
        cluster: Cluster,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        everything = {
            "apiGroups": ["*"],
            "apiVersions": ["*"],
            "operations": ["*"],
            "resources": ["*"],
        }
        entries = ("policies", "documents", "documents-grants")
        names = tuple(f"{one}.propylon.dev" for one in entries)
        hooks = [{"name": name, "rules": [everything]} for name in names]
        installed.put(VALIDATING, {"metadata": {"name": "propylon"}, "webhooks": hooks})
        installed.put(CONFIG_MAPS, config_map("team", policy("a")))
        installed.fail("validatingwebhookconfigurations", forbidden("not yet"))
        store = SnapshotStore()
        chosen = settings(tmp_path, registration=RegistrationMode.STATIC)
        async with running_replica(chosen, store, cluster):
            await eventually(lambda: "webhook configurations not read" in caplog.text)
            await eventually(lambda: store.synced)
            await eventually(lambda: installed.count("GET apis/admission") >= 4)
        assert "not sent" not in caplog.text


def rule(**fields: Any) -> dict[str, Any]:
    plain = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments"],
    }
    return {**plain, **fields}


COVERS = {
    "the same": (rule(), rule(), True),
    "more": (rule(operations=["CREATE", "UPDATE"]), rule(), True),
    "less": (rule(), rule(resources=["deployments", "daemonsets"]), False),
    "wildcards": (rule(apiGroups=["*"], resources=["*"]), rule(), True),
    "narrower scope": (rule(scope="Cluster"), rule(scope="*"), False),
    "the same scope": (rule(scope="Cluster"), rule(scope="Cluster"), True),
    "any scope": (rule(scope="*"), rule(scope="Namespaced"), True),
}


@pytest.mark.parametrize(("sent", "needed", "expected"), COVERS.values(), ids=COVERS)
def test_rule_covers(sent: Any, needed: Any, expected: bool) -> None:
    assert covers(sent, needed) is expected


def test_unsent_names_group_and_version() -> None:
    entry = Registration("policies.propylon.dev", "policies", False, (), rules=(rule(),))
    assert list(unsent([entry], {})) == ["policies.propylon.dev: CREATE deployments in apps/v1"]
    assert list(unsent([entry], {(False, "policies.propylon.dev"): [rule()]})) == []


class TestCertificateFiles:
    """Certificates of cert-manager or `propylon certs`, mounted as files."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> Path:
        write(tmp_path)
        return tmp_path

    async def test_their_authority_is_registered(
        self, installed: FakeApi, cluster: Cluster, files: Path
    ) -> None:
        chosen = settings(files, tls_cert=files / "tls.crt", tls_key=files / "tls.key")
        async with running_replica(chosen, SnapshotStore(), cluster):
            await eventually(lambda: "documents.propylon.dev" in rules(installed))
            hook = installed.get(VALIDATING, "", "propylon")["webhooks"][0]
            authority = base64.b64decode(hook["clientConfig"]["caBundle"])
            assert authority == (files / "ca.crt").read_bytes()
        assert "propylon-tls" not in installed.names(SECRETS, SYSTEM)

    async def test_authority_file_that_goes_is_remembered(
        self, installed: FakeApi, cluster: Cluster, files: Path
    ) -> None:
        chosen = settings(files, tls_cert=files / "tls.crt", tls_key=files / "tls.key")
        async with running_replica(chosen, SnapshotStore(), cluster):
            await eventually(lambda: "documents.propylon.dev" in rules(installed))
            before = installed.get(VALIDATING, "", "propylon")["webhooks"]
            (files / "ca.crt").unlink()
            installed.put(CONFIG_MAPS, config_map("team", policy("a")))
            await eventually(lambda: "policies.propylon.dev" in rules(installed))
            after = installed.get(VALIDATING, "", "propylon")["webhooks"]
            assert len({one["clientConfig"]["caBundle"] for one in (*before, *after)}) == 1

    async def test_expired_certificate_is_not_ready(
        self, installed: FakeApi, cluster: Cluster, files: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chosen = settings(files, tls_cert=files / "tls.crt", tls_key=files / "tls.key")
        async with running_replica(chosen, SnapshotStore(), cluster) as replica:
            late = utc_now().replace(year=utc_now().year + 1)
            monkeypatch.setattr("webhook.replica.utc_now", lambda: late)
            assert "expired at" in lacks(replica)["certificate"]
            await asyncio.sleep(0)


def write(folder: Path) -> None:
    material = make_material(["localhost"], utc_now())
    pair: KeyPair = material.serving
    for name, content in {
        "ca.crt": material.ca_bundle,
        "tls.crt": pair.certificate,
        "tls.key": pair.key,
    }.items():
        (folder / name).write_bytes(content)
