"""Wiring: build every part from the Settings, start the tasks, serve until told to stop.

The only file that knows all parts; they know each other through arguments. What differs between a
directory and a cluster is a `Backend`; everything after it is the same code.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from webhook.app import Keep, Resolver, Sink, create_app
from webhook.health import Check, Health, HealthServer
from webhook.ledger.retention import keep_pruned
from webhook.ledger.sink import FailuresOnly, LedgerSink
from webhook.ledger.store import Ledger, LedgerError, engine_for
from webhook.logs import start_logging
from webhook.rules.actors import classify
from webhook.settings import Durability, Settings
from webhook.sinks.audit import AuditLog
from webhook.sinks.deletions import CountingResolver, DeletionWindow
from webhook.sinks.metrics import Metrics
from webhook.snapshot import Snapshot
from webhook.sources.directory import SourceError, load_objects, watch_directory
from webhook.sources.objects import DirectoryResolver
from webhook.sources.store import SnapshotStore
from webhook.sources.switch import Open, Switch
from webhook.tls.authority import LOCAL_NAMES, CertificateError, make_material
from webhook.tls.context import ServingCertificate, follow_files, read_pair

KEEP_ALIVE_SECONDS = 120
"""Longer than the API server keeps an idle connection (90 s): it closes first, nothing is lost."""

GC_THRESHOLDS = (5_000, 20, 20)
"""A review is some hundred objects, freed by counting; the usual 700 would search for cycles in
many requests (an eighth of their time), and ten times as many as here would stop for 10 ms."""

SWITCH_SECONDS = 0.0005
"""So long a thread may hold the interpreter while the loop waits for it: that of the database, of
the health port, or one that reads files. The usual 5 ms would be many times a request's."""

GRACE_SECONDS = 30
"""The longest that an admission call may take, and so the longest that a stop waits for one."""

LEDGER_SECONDS = 10.0
"""So long the ledger may take to write its last records."""

Task = Coroutine[Any, Any, None]

_LOG = logging.getLogger("propylon.server")


class StartError(Exception):
    """The server cannot start; the text says why."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What depends on where documents and facts come from.

    `checks` are conditions of readiness, `tasks` run as long as the server does.
    """

    resolver: Resolver
    certificate: ServingCertificate
    token: str = ""
    sinks: Sequence[Sink] = ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    tasks: Sequence[Task] = ()


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raise StartError when that is impossible."""
    start_logging(settings.log_level)
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_SECONDS)
    failures: list[str] = []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(settings))
        except* (StartError, SourceError, CertificateError, LedgerError) as group:
            failures = list(_texts(group))
    if failures:
        raise StartError("; ".join(failures))


def _texts(error: BaseException) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _texts(one)
    else:
        yield str(error)


async def serve(settings: Settings) -> None:
    """Build everything, serve, and take it down in the opposite order."""
    store = SnapshotStore()
    metrics = Metrics(lambda user: classify(user, store.current().snapshot.actors))
    health = Health({"policies": lambda: _missing_policies(store)}, metrics.text)
    async with AsyncExitStack() as stack:
        health_port = stack.enter_context(_health_port(settings, health))
        listener = stack.enter_context(_listener(settings))
        ledger_sinks, keep = await stack.enter_async_context(_ledger(settings, store, metrics))
        backend = await _backend(settings, store, metrics, stack)
        health.add_checks(backend.checks)
        _watch_store(metrics, store)
        start = await stack.enter_async_context(_background())
        for task in (*backend.tasks, _beat(health), _log_switches(store)):
            start(task)
        deletions = DeletionWindow()
        resolver = CountingResolver(backend.resolver, deletions)
        sinks = (*backend.sinks, deletions, metrics, *ledger_sinks, AuditLog())
        app = create_app(store, resolver, sinks, backend.token, refused=metrics.refused, keep=keep)
        server = Server(app, backend.certificate, health, settings.drain_seconds)
        port = listener.getsockname()[1]
        await server.serve_on(listener, {"port": port, "health_port": health_port})


class Server(uvicorn.Server):
    """uvicorn, with a stop in two steps: first unready and saying so, then closed.

    A second signal does not wait.
    """

    def __init__(
        self, app: Any, certificate: ServingCertificate, health: Health, drain_seconds: float
    ) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_context_factory=lambda *_: certificate.context,
        )
        super().__init__(config)
        self._health = health
        self._drain_seconds = drain_seconds
        self._stop_at = float("inf")
        self._announcement: Mapping[str, Any] = {}
        health.add_checks({"port": lambda: "" if self.started else "not listening yet"})

    async def serve_on(self, listener: socket.socket, announcement: Mapping[str, Any]) -> None:
        """Serve on this socket; log the announcement once it is so."""
        self._announcement = announcement
        await self.serve([listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        await super().startup(sockets)
        _LOG.info("serving", extra=dict(self._announcement))

    def handle_exit(self, _sig: int, _frame: FrameType | None) -> None:
        """Begin to stop; called by a signal handler.

        The signal is not kept: uvicorn would raise it again before the ledger is closed.
        """
        if self._stop_at < float("inf"):
            self.should_exit = True
            return
        self._health.drain()
        self.config.encoded_headers.append(
            (b"connection", b"close")
        )  # so that clients go elsewhere
        self.server_state.default_headers = self.config.encoded_headers
        self._stop_at = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to stop; uvicorn asks ten times a second."""
        return await super().on_tick(counter) or time.monotonic() >= self._stop_at


async def _backend(
    settings: Settings, store: SnapshotStore, metrics: Metrics, stack: AsyncExitStack
) -> Backend:
    if settings.policies is None:
        return await _clustered(settings, store, metrics, stack)
    resolver = load_objects(settings.objects) if settings.objects else DirectoryResolver()
    certificate, tasks = _local_certificate(settings, stack)
    switch = Switch(store, settings.platform, Open())
    follow = switch.run(watch_directory(settings.policies))
    return Backend(resolver, certificate, settings.token, tasks=(follow, *tasks))


async def _clustered(
    settings: Settings, store: SnapshotStore, metrics: Metrics, stack: AsyncExitStack
) -> Backend:
    """Documents and facts from a cluster; lightkube is not loaded where nobody needs it."""
    from webhook.cluster.client import ClusterError, connect  # noqa: PLC0415 - see above
    from webhook.replica import join  # noqa: PLC0415 - see above

    try:
        cluster = connect(settings.kubeconfig)
    except ClusterError as error:
        raise StartError(str(error)) from error
    stack.push_async_callback(cluster.close)
    replica = await join(settings, store, cluster)
    metrics.watch_gauge(
        "propylon_lag_seconds", "Since when an announced snapshot is missing.", replica.lag.seconds
    )
    metrics.watch_gauge(
        "propylon_cluster_problems",
        "Parts that the API server keeps from their work; the log has the reasons.",
        lambda: sum(bool(text()) for text in replica.problems.values()),
    )
    metrics.watch_counter(
        "propylon_events_dropped",
        "Occurrences that no Event tells of: too many, or refused by the API server.",
        lambda: replica.events.dropped,
    )
    return Backend(
        replica.resolver,
        replica.certificate,
        replica.token,
        (replica.sightings, replica.events),
        replica.checks,
        replica.tasks,
    )


def _local_certificate(
    settings: Settings, stack: AsyncExitStack
) -> tuple[ServingCertificate, Sequence[Task]]:
    """Return the certificate in the given files, or one made for this run only."""
    if settings.tls_cert is not None and settings.tls_key is not None:
        files = (settings.tls_cert, settings.tls_key)
        certificate = ServingCertificate(read_pair(*files), settings.client_ca)
        return certificate, (follow_files(certificate, *files),)
    names = tuple(dict.fromkeys((*LOCAL_NAMES, settings.host)))
    material = make_material(names, datetime.now(UTC))
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="propylon-"))
    authority = Path(folder, "ca.crt")
    authority.write_bytes(material.ca_bundle)
    _LOG.info("made a certificate for this run", extra={"ca": str(authority), "names": names})
    return ServingCertificate(material.serving, settings.client_ca), ()


@contextmanager
def _health_port(settings: Settings, health: Health) -> Iterator[int]:
    try:
        server = HealthServer(settings.host, settings.health_port, health)
    except OSError as error:
        raise _cannot_listen(settings.host, settings.health_port, error) from error
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """Take the port at once; nobody can connect before uvicorn listens on it."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise _cannot_listen(settings.host, settings.port, error) from error
        yield listener


def _cannot_listen(host: str, port: int, error: OSError) -> StartError:
    reason = error.strerror or str(error)
    return StartError(f"cannot listen on {host} port {port}: {reason}; choose another one")


@asynccontextmanager
async def _ledger(
    settings: Settings, store: SnapshotStore, metrics: Metrics
) -> AsyncIterator[tuple[Sequence[Sink], Keep | None]]:
    """Open the ledger, write into it from a task, close it with a stop record.

    Give its sinks, and what to wait for before each answer where no record may be lost.
    """
    if not settings.ledger:
        yield (), None
        return
    ledger = Ledger(engine_for(settings.ledger), settings.identity)
    await ledger.open(time.time())
    # in a cluster the paths end in a token; a client certificate is only asked for
    known_by = "token" if settings.token or settings.policies is None else "not at all"
    sink = LedgerSink(ledger, time.time, known_by)
    metrics.watch_counter(
        "propylon_ledger_dropped", "Records lost to a full queue.", lambda: sink.dropped
    )
    metrics.watch_text(
        "propylon_ledger_head_info", "The last hash of the chain.", "hash", lambda: ledger.head
    )
    async with _background() as start:
        start(sink.run())
        start(_keep_texts(store, ledger))
        if settings.ledger_days:
            start(keep_pruned(ledger.engine, time.time, settings.ledger_days))
        is_sync = settings.ledger_durability is Durability.SYNC
        yield ((FailuresOnly(sink),), sink.keep) if is_sync else ((sink,), None)
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                await sink.close()
            _LOG.info("the ledger is closed", extra={"head": ledger.head})
        except (TimeoutError, LedgerError) as error:
            _LOG.error("the ledger was not closed: a possible loss", extra={"reason": str(error)})
            await ledger.engine.dispose()


async def _keep_texts(store: SnapshotStore, ledger: Ledger) -> None:
    """Store the text of every document once for each digest that was in force."""
    async for snapshot in _publications(store):
        try:
            await ledger.keep_texts(snapshot.digest, snapshot.texts)
        except LedgerError as error:
            _LOG.warning("the ledger did not take the documents", extra={"reason": str(error)})


@asynccontextmanager
async def _background() -> AsyncIterator[Callable[[Task], object]]:
    """Run endless tasks beside the body; when one fails, all of it ends with its error."""
    async with asyncio.TaskGroup() as group:
        running: list[asyncio.Task[None]] = []
        yield lambda task: running.append(group.create_task(task))
        for one in running:
            one.cancel()


async def _beat(health: Health) -> None:
    while True:
        health.beat()
        await asyncio.sleep(1.0)


async def _log_switches(store: SnapshotStore) -> None:
    async for snapshot in _publications(store):
        fields = {"digest": snapshot.digest[:8], "documents": len(snapshot.items)}
        _LOG.info("documents in force", extra={**fields, "errors": len(snapshot.errors)})
        for error in snapshot.errors:
            await asyncio.sleep(0)  # there may be many, and requests wait
            _LOG.warning("document refused", extra={"problem": str(error)})


async def _publications(store: SnapshotStore) -> AsyncIterator[Snapshot]:
    """Yield each snapshot that is put in force; of several during one turn, the newest."""
    last = None
    while True:
        is_new = store.synced and store.current() is not last
        last = store.current() if is_new else await store.changed()
        yield last.snapshot


def _watch_store(metrics: Metrics, store: SnapshotStore) -> None:
    metrics.watch_text(
        "propylon_snapshot_info",
        "The documents in force, by digest.",
        "digest",
        lambda: store.current().snapshot.digest[:8],
    )
    metrics.watch_gauge(
        "propylon_documents", "Documents in force.", lambda: len(store.current().snapshot.items)
    )
    metrics.watch_gauge(
        "propylon_document_errors",
        "What is wrong with documents at the moment; the log has the texts.",
        lambda: len(store.current().snapshot.errors),
    )


def _missing_policies(store: SnapshotStore) -> str:
    return "" if store.synced else "no complete set of documents yet"
