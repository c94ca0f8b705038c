"""What a replica in a cluster is made of: sources, lease, configurations, certificates, resolver.

`server.py` calls `join` once and runs the `tasks` as long as it serves. Waiting for the API server
is normal here; every part says in the log what it waits for.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from webhook.cluster.backoff import Backoff
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.configurations import Configurations
from webhook.cluster.discovery import Discovery
from webhook.cluster.lag import Lag
from webhook.cluster.lease import Lease
from webhook.cluster.lookups import Resolver
from webhook.cluster.sightings import Sightings
from webhook.cluster.static import StaticConfigurations
from webhook.model import Platform
from webhook.policy.index import PolicyLike
from webhook.registration import Client
from webhook.settings import RegistrationMode, Settings
from webhook.sinks.events import EventSink
from webhook.sources.accepted import AcceptedTexts
from webhook.sources.configmap import ConfigMapSource
from webhook.sources.store import SnapshotStore
from webhook.sources.switch import Switch
from webhook.tls.authority import service_names
from webhook.tls.bootstrap import BootstrapError, ClusterCertificate, PathToken, utc_now
from webhook.tls.context import ServingCertificate, follow_files, read_pair

SERVICE = "propylon"
NODES = ("v1", "Node")

Answer = TypeVar("Answer")
Writer = Configurations | StaticConfigurations
Task = Coroutine[Any, Any, None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replica:
    """The parts that `server.py` serves with.

    `checks` say what readiness lacks ("" when nothing), `problems` what the API server keeps from
    being done while serving goes on; `sightings` and `events` are sinks of `create_app`; `tasks`
    are started once and end only when they are cancelled.
    """

    resolver: Resolver
    certificate: ServingCertificate
    token: str
    sightings: Sightings
    events: EventSink
    lag: Lag
    checks: Mapping[str, Callable[[], str]]
    problems: Mapping[str, Callable[[], str]]
    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True)
class _Identity:
    """How callers know us: certificate, CA (base64), and the task that keeps both current."""

    certificate: ServingCertificate
    ca_bundle: Callable[[], str]
    keep: Callable[[Callable[[], None]], Task]


async def join(settings: Settings, store: SnapshotStore, cluster: Cluster) -> Replica:
    """Build everything; return once the certificate and the path token are there.

    Raise CertificateError when the certificate comes from files that cannot be used.
    """
    platform = await _platform(settings, cluster)
    identity = await _identity(settings, cluster)
    path_token = PathToken(cluster, settings.namespace)
    token = await _token(settings, path_token)
    resolver, sightings = Resolver(cluster, Discovery(cluster)), Sightings()
    lease = Lease(cluster, settings.namespace, settings.identity)
    client = lambda: _client(settings, identity, token)  # noqa: E731 - it changes with the CA
    writer = _writer(settings, cluster, lease, resolver, sightings, client)
    switch = Switch(store, platform, writer, lease.announce)
    source = ConfigMapSource(cluster, platform)
    accepted = AcceptedTexts(cluster, settings.namespace)
    events = EventSink(cluster, settings.identity)
    lag = Lag(lambda: lease.announced, store.has_had)
    tasks = (
        resolver.run(),
        lease.run(),
        source.run(),
        _put_in_force(switch, accepted, source),
        accepted.run(store, lease),
        _follow_parameters(store, resolver),
        identity.keep(writer.refresh),
        writer.run(),
        events.run(),
        *(() if _has_own_token(settings) else (path_token.run(),)),
    )
    checks = _checks(switch, source, lag, identity.certificate)
    problems = _problems(source, resolver, writer, accepted, path_token, events)
    parts = (resolver, identity.certificate, token, sightings, events, lag)
    return Replica(*parts, checks, problems, tasks)


def _writer(
    settings: Settings,
    cluster: Cluster,
    lease: Lease,
    resolver: Resolver,
    sightings: Sightings,
    client: Callable[[], Client],
) -> Writer:
    if settings.registration is RegistrationMode.STATIC:
        return StaticConfigurations(cluster)
    return Configurations(
        cluster, lease, resolver.namespaces, settings.namespace, client, sightings
    )


def _client(settings: Settings, identity: _Identity, token: str) -> Client:
    """Return what the webhook configurations say about reaching us."""
    return Client(
        identity.ca_bundle(),
        token,
        settings.webhook_url,
        service_name=SERVICE,
        service_namespace=settings.namespace,
    )


async def _platform(settings: Settings, cluster: Cluster) -> Platform:
    """Return the installation's facts; the API server knows its version best."""
    platform = settings.platform
    if platform.kubernetes_version:
        return platform
    version = await _patiently(lambda: cluster.fetch("version"))
    minor = str(version.get("minor", "")).rstrip("+")
    return replace(platform, kubernetes_version=f"{version.get('major', '')}.{minor}")


def _has_own_token(settings: Settings) -> bool:
    return settings.registration is RegistrationMode.STATIC or bool(settings.token)


async def _token(settings: Settings, stored: PathToken) -> str:
    """Return the last part of our paths; static configurations have it from their author."""
    if _has_own_token(settings):
        return settings.token
    return await _patiently(stored.load)


async def _identity(settings: Settings, cluster: Cluster) -> _Identity:
    if settings.tls_cert is not None and settings.tls_key is not None:
        return _identity_of_files(settings.tls_cert, settings.tls_key, settings.client_ca)
    authority = ClusterCertificate(cluster, settings.namespace, _names(settings))
    material = await _patiently(authority.load)
    serving = ServingCertificate(material.serving, settings.client_ca)
    return _Identity(
        serving, lambda: authority.ca_bundle, lambda refresh: authority.run(serving, refresh)
    )


def _identity_of_files(certificate: Path, key: Path, client_ca: Path | None) -> _Identity:
    """Serve with files that others renew; their CA is `ca.crt` beside them, if it is there.

    That is how `propylon certs` and a mounted Secret of cert-manager lay them out.
    """
    serving = ServingCertificate(read_pair(certificate, key), client_ca)
    authority = _FileAuthority(certificate.with_name("ca.crt"))
    return _Identity(serving, authority.bundle, lambda _: follow_files(serving, certificate, key))


class _FileAuthority:
    """The CA in a file; while that cannot be read, as it was last."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last = b""

    def bundle(self) -> str:
        with suppress(OSError):
            self._last = self._file.read_bytes()
        return base64.b64encode(self._last).decode()


def _names(settings: Settings) -> tuple[str, ...]:
    host = urlsplit(settings.webhook_url).hostname
    names = service_names(SERVICE, settings.namespace)
    return tuple(dict.fromkeys((*names, host))) if host else names


async def _patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until there is an answer: an API server that is away comes back."""
    backoff = Backoff()
    while True:
        try:
            return await ask()
        except (ClusterError, BootstrapError) as error:
            logger.warning("cannot start yet", extra={"reason": str(error)})
            await asyncio.sleep(backoff.next())


async def _put_in_force(switch: Switch, accepted: AcceptedTexts, source: ConfigMapSource) -> None:
    await switch.restore(await accepted.load())
    await switch.run(source.documents())


async def _follow_parameters(store: SnapshotStore, resolver: Resolver) -> None:
    """Watch the kinds that the documents in force need: parameters of policies, nodes of rule D."""
    while True:
        snapshot = store.current().snapshot
        policies: tuple[PolicyLike, ...] = (*snapshot.policies, *snapshot.mutating_policies)
        kinds = {
            (one.param_kind.api_version, one.param_kind.kind) for one in policies if one.param_kind
        }
        if "spread" in snapshot.configs:
            kinds.add(NODES)
        resolver.watch_parameters(kinds)
        await store.changed()


def _problems(
    source: ConfigMapSource,
    resolver: Resolver,
    writer: Writer,
    accepted: AcceptedTexts,
    path_token: PathToken,
    events: EventSink,
) -> Mapping[str, Callable[[], str]]:
    return {
        "documents": lambda: source.cache.failure,
        "namespaces": lambda: resolver.namespaces.failure,
        "parameters": lambda: resolver.parameter_failure,
        "configurations": lambda: writer.problem,
        "accepted texts": lambda: accepted.problem,
        "path token": lambda: path_token.problem,
        "events": lambda: events.problem,
    }


def _checks(
    switch: Switch, source: ConfigMapSource, lag: Lag, certificate: ServingCertificate
) -> Mapping[str, Callable[[], str]]:
    def read() -> str:
        return "" if source.cache.synced else source.cache.failure or "not listed yet"

    def documents() -> str:
        lost = ", ".join(switch.missing)
        return f"broken, and the last good version is lost: {lost}" if lost else ""

    def current() -> str:
        return "" if lag.is_ready() else f"behind the announced documents for {lag.seconds():.0f} s"

    def valid() -> str:
        return "" if certificate.expiry > utc_now() else f"expired at {certificate.expiry}"

    return {"configmaps": read, "documents": documents, "lag": current, "certificate": valid}
