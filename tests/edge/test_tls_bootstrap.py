"""The two Secrets: made once, shared by all replicas, renewed in time, never overwritten blindly."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.edge.fake_api import Failure, FakeApi, Object, eventually, forbidden, task_running
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import SECRETS
from webhook.tls.authority import check_material, make_material, service_names
from webhook.tls.bootstrap import (
    ATTEMPTS,
    TLS_SECRET,
    TOKEN_SECRET,
    BootstrapError,
    ClusterCertificate,
    PathToken,
    utc_now,
)
from webhook.tls.context import ServingCertificate

SYSTEM = "propylon-system"
NAMES = service_names("propylon", SYSTEM)
CONFLICT = Failure(409, '{"kind": "Status", "message": "modified"}')


class Clock:
    """The time, which the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def certificate(cluster: Cluster, clock: Clock) -> ClusterCertificate:
    return ClusterCertificate(cluster, SYSTEM, NAMES, clock)


def stored(api: FakeApi, name: str = TLS_SECRET) -> dict[str, bytes]:
    data = api.get(SECRETS, SYSTEM, name)["data"]
    return {key: base64.b64decode(text) for key, text in data.items()}


async def test_secret_is_made_once(
    api: FakeApi, cluster: Cluster, certificate: ClusterCertificate, clock: Clock
) -> None:
    material = await certificate.load()
    check_material(material)
    assert api.get(SECRETS, SYSTEM, TLS_SECRET)["type"] == "kubernetes.io/tls"
    assert sorted(stored(api)) == ["ca.crt", "ca.key", "tls.crt", "tls.key"]
    again = ClusterCertificate(cluster, SYSTEM, NAMES, clock)
    assert await again.load() == material
    assert base64.b64decode(again.ca_bundle) == material.ca_bundle
    assert api.count("POST") == 1
    assert api.count("PUT") == 0


async def test_replicas_that_start_together_share_one_authority(
    api: FakeApi, cluster: Cluster, clock: Clock
) -> None:
    replicas = [ClusterCertificate(cluster, SYSTEM, NAMES, clock) for _ in range(3)]
    materials = await asyncio.gather(*(one.load() for one in replicas))
    assert len({one.ca_bundle for one in materials}) == 1
    assert len({one.serving for one in materials}) == 1
    assert api.count("POST") > 1, "the race did not happen"


async def test_serving_certificate_is_renewed_by_one(
    api: FakeApi, cluster: Cluster, certificate: ClusterCertificate, clock: Clock
) -> None:
    before = await certificate.load()
    clock.now += timedelta(days=70)
    other = ClusterCertificate(cluster, SYSTEM, NAMES, clock)
    renewed, seen = await asyncio.gather(certificate.load(), other.load())
    assert renewed == seen
    assert renewed.serving != before.serving
    assert renewed.ca_bundle == before.ca_bundle
    assert stored(api)["tls.crt"] == renewed.serving.certificate


async def test_running_server_follows(
    api: FakeApi, cluster: Cluster, certificate: ClusterCertificate, clock: Clock
) -> None:
    serving = ServingCertificate((await certificate.load()).serving)
    bundles: list[str] = []
    note = lambda: bundles.append(certificate.ca_bundle)  # noqa: E731  # a callback
    async with task_running(certificate.run(serving, note, 0.001)):
        before = serving.expiry
        clock.now += timedelta(days=70)
        await eventually(lambda: serving.expiry > before)
        assert bundles == []
        clock.now += timedelta(days=3000)
        await eventually(lambda: len(bundles) == 1)
        pem = base64.b64decode(bundles[0])
        assert pem.count(b"BEGIN CERTIFICATE") == 2
        await eventually(lambda: serving.expiry > clock.now)


async def test_deleted_secret_is_written_again_after_a_while(
    api: FakeApi, certificate: ClusterCertificate, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    before = await certificate.load()
    api.remove(SECRETS, SYSTEM, TLS_SECRET)
    for seconds in (0, 59):
        clock.now += timedelta(seconds=seconds)
        assert await certificate.load() == before
        assert api.names(SECRETS, SYSTEM) == []
    clock.now += timedelta(seconds=1)
    assert await certificate.load() == before
    assert stored(api)["ca.crt"] == before.ca_bundle
    assert [one.message for one in caplog.records].count("the Secret is gone") == 1


async def test_replica_that_starts_makes_a_new_authority_for_all(
    api: FakeApi, cluster: Cluster, certificate: ClusterCertificate, clock: Clock
) -> None:
    before = await certificate.load()
    api.remove(SECRETS, SYSTEM, TLS_SECRET)
    assert await certificate.load() == before
    started = await ClusterCertificate(cluster, SYSTEM, NAMES, clock).load()
    assert started.ca_bundle != before.ca_bundle
    assert await certificate.load() == started


async def test_failure_keeps_the_present_certificate(
    api: FakeApi,
    certificate: ClusterCertificate,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    serving = ServingCertificate((await certificate.load()).serving)
    before = serving.expiry
    api.fail("secrets", *[Failure(500)] * 10_000)
    async with task_running(certificate.run(serving, lambda: None, 0.001)):
        await eventually(lambda: "the present one stays" in caplog.text)
        assert serving.expiry == before
        api.failures.clear()
        clock.now += timedelta(days=70)
        await eventually(lambda: serving.expiry > before)


def secret(name: str, **data: str) -> Object:
    return {"metadata": {"name": name, "namespace": SYSTEM}, "data": data}


def text(value: bytes) -> str:
    return base64.b64encode(value).decode()


MATERIAL = make_material(NAMES, datetime.now(UTC))
OTHER = make_material(NAMES, datetime.now(UTC))
UNUSABLE: dict[str, Any] = {
    "empty": secret(TLS_SECRET),
    "no data": {"metadata": {"name": TLS_SECRET, "namespace": SYSTEM}},
    "not base64": secret(TLS_SECRET, **{"tls.crt": "?", "tls.key": "?"}),
    "of two authorities": secret(
        TLS_SECRET,
        **{
            "ca.crt": text(OTHER.ca_bundle),
            "tls.crt": text(MATERIAL.serving.certificate),
            "tls.key": text(MATERIAL.serving.key),
        },
    ),
}


@pytest.mark.parametrize("found", UNUSABLE.values(), ids=UNUSABLE)
async def test_unusable_secret_is_named_and_left(
    found: Object, api: FakeApi, certificate: ClusterCertificate
) -> None:
    api.put(SECRETS, found)
    with pytest.raises(BootstrapError, match=r"propylon-tls cannot be used.*delete it"):
        await certificate.load()
    assert api.count("PUT") == api.count("POST") == 0


async def test_secret_without_the_authoritys_key_is_used_as_it_is(
    api: FakeApi, certificate: ClusterCertificate
) -> None:
    """So cert-manager fills it; renewing is its part then."""
    data = {
        "ca.crt": text(MATERIAL.ca_bundle),
        "tls.crt": text(MATERIAL.serving.certificate),
        "tls.key": text(MATERIAL.serving.key),
    }
    api.put(SECRETS, secret(TLS_SECRET, **data))
    assert (await certificate.load()).serving == MATERIAL.serving
    assert api.count("PUT") == 0


async def test_endless_conflict_ends(api: FakeApi, certificate: ClusterCertificate) -> None:
    api.fail("POST", *[CONFLICT] * ATTEMPTS)
    with pytest.raises(BootstrapError, match="changes without an end"):
        await certificate.load()


async def test_missing_rights_are_not_a_race(
    api: FakeApi, cluster: Cluster, certificate: ClusterCertificate
) -> None:
    api.fail("secrets", *[forbidden("cannot get secrets")] * 2)
    with pytest.raises(ClusterError, match="cannot get secrets"):
        await certificate.load()
    api.fail("POST", *[forbidden("cannot create secrets")] * 2)
    api.failures.pop("secrets")
    with pytest.raises(ClusterError, match="cannot create secrets"):
        await PathToken(cluster, SYSTEM).load()


async def test_token_has_128_bits_and_stays(api: FakeApi, cluster: Cluster) -> None:
    token = await PathToken(cluster, SYSTEM).load()
    assert len(token) == 22
    assert stored(api, TOKEN_SECRET) == {"token": token.encode()}
    assert await PathToken(cluster, SYSTEM).load() == token


async def test_replicas_that_start_together_share_one_token(api: FakeApi, cluster: Cluster) -> None:
    tokens = await asyncio.gather(*(PathToken(cluster, SYSTEM).load() for _ in range(3)))
    assert len(set(tokens)) == 1
    assert api.count("POST") > 1, "the race did not happen"


TOKENS = {
    "missing": secret(TOKEN_SECRET),
    "too short": secret(TOKEN_SECRET, token=text(b"short")),
    "with a slash": secret(TOKEN_SECRET, token=text(b"0123456789/0123456789")),
    "with a newline": secret(TOKEN_SECRET, token=text(b"0123456789012345678901\n")),
    "not UTF-8": secret(TOKEN_SECRET, token=text(b"\xff" * 20)),
}


@pytest.mark.parametrize("found", TOKENS.values(), ids=TOKENS)
async def test_unusable_token_is_named(found: Object, api: FakeApi, cluster: Cluster) -> None:
    api.put(SECRETS, found)
    with pytest.raises(BootstrapError, match="delete it and Propylon makes a new one"):
        await PathToken(cluster, SYSTEM).load()


class TestToken:
    async def test_deleted_secret_is_written_again(self, api: FakeApi, cluster: Cluster) -> None:
        token = PathToken(cluster, SYSTEM)
        value = await token.load()
        api.remove(SECRETS, SYSTEM, TOKEN_SECRET)
        assert await token.load() == value
        async with task_running(token.run(0.001)):
            await eventually(lambda: api.names(SECRETS, SYSTEM) == [TOKEN_SECRET])
        assert stored(api, TOKEN_SECRET) == {"token": value.encode()}
        assert token.problem == ""

    async def test_another_token_is_a_problem_that_is_named_once(
        self, api: FakeApi, cluster: Cluster, caplog: pytest.LogCaptureFixture
    ) -> None:
        token = PathToken(cluster, SYSTEM)
        value = await token.load()
        api.put(SECRETS, secret(TOKEN_SECRET, token=text(b"another-token-of-others")))
        async with task_running(token.run(0.001)):
            await eventually(lambda: "restart this replica" in token.problem)
            api.fail("secrets", Failure(500))
            await eventually(lambda: "HTTP 500" in token.problem or not api.failures["secrets"])
            api.put(SECRETS, secret(TOKEN_SECRET, token=text(value.encode())))
            await eventually(lambda: token.problem == "")
        assert 2 <= [one.message for one in caplog.records].count("path token not checked") <= 3


def test_clock_knows_its_zone() -> None:
    assert utc_now().tzinfo is UTC
