"""Keep asking from several threads while something changes, and keep every answer."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any

from tests.e2e.reviews import JSON
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.cluster import Cluster

    Session = Callable[[], contextlib.AbstractContextManager[Callable[[], str]]]


@dataclass(slots=True)
class Load:
    """The answers so far, counted by their text."""

    answers: Counter[str] = field(default_factory=Counter)
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, answer: str) -> None:
        """Count one answer."""
        with self.lock:
            self.answers[answer] += 1

    @property
    def total(self) -> int:
        """How many answers came."""
        with self.lock:
            return self.answers.total()

    def wait_for_more(self, count: int) -> None:
        """Return when `count` further answers have come."""
        goal = self.total + count
        eventually(lambda: self.total >= goal, what=f"{count} further answers", within=60)


@contextlib.contextmanager
def under_load(session: Session, threads: int = 4) -> Iterator[Load]:
    """Run the block while every thread asks without a pause, in a session of its own.

    A connection that breaks counts as the answer `lost: ...` and begins a new session.
    """
    load = Load()
    workers = [threading.Thread(target=_keep_asking, args=(load, session)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        load.wait_for_more(threads)
        yield load
        load.wait_for_more(threads)
    finally:
        load.stopped.set()
        for worker in workers:
            worker.join()


def _keep_asking(load: Load, session: Session) -> None:
    while not load.stopped.is_set():
        try:
            with session() as ask:
                while not load.stopped.is_set():
                    load.keep(ask())
        except (OSError, HTTPException) as error:
            load.keep(f"lost: {error!r}")


def creations(cluster: Cluster, path: str, document: Any) -> Session:
    """Return what asks the API server, as administrator, to create an object (dry run)."""
    pem = cluster.client_certificate("e2e-load", "system:masters")
    body = json.dumps(document)

    @contextlib.contextmanager
    def session() -> Iterator[Callable[[], str]]:
        context = ssl.create_default_context(cafile=str(cluster.ca_file))
        context.load_cert_chain(pem)
        connection = HTTPSConnection("127.0.0.1", cluster.port, context=context, timeout=30)

        def ask() -> str:
            connection.request("POST", f"{path}?dryRun=All", body, JSON)
            answer = json.loads(connection.getresponse().read())
            return str(answer["message"] if answer["kind"] == "Status" else answer["kind"])

        with contextlib.closing(connection):
            yield ask

    return session
