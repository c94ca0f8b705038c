"""Talk to the API server over kept-alive connections, several at once: no process per request."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.e2e.cluster import Cluster

T = TypeVar("T")
R = TypeVar("R")

USER = ("kubernetes-admin", "system:masters")
WORKERS = 4
TRY = "dryRun=All&fieldValidation=Ignore"
"""The query of a request that stores nothing and lets unknown fields pass."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `groups` are sent only with a `user` to impersonate."""

    method: str
    path: str
    body: Any = None
    user: str = ""
    groups: tuple[str, ...] = ()

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers; a repeated name is one group each."""
        named = [("Impersonate-User", self.user)] if self.user else []
        groups = [("Impersonate-Group", group) for group in self.groups]
        return [("Content-Type", "application/json"), *named, *groups]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client sees: the HTTP status, the object or Status, the texts of `Warning`."""

    code: int
    object: Any
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the request was let through."""
        return self.code < 300

    @property
    def message(self) -> str:
        """The message of a Status, else ""."""
        return "" if self.ok else str(self.object.get("message", ""))


def is_late(answer: Answer) -> bool:
    """Tell whether a write came too late: the object, or its Namespace, has changed or is going."""
    return answer.code in {404, 409} or "it is being terminated" in answer.message


@dataclass(slots=True)
class Api:
    """The API server as one administrator; safe to use from several threads."""

    cluster: Cluster
    _pool: ThreadPoolExecutor
    _local: threading.local = field(default_factory=threading.local)
    _opened: list[HTTPSConnection] = field(default_factory=list)

    def call(self, call: Call) -> Answer:
        """Send one request; a kept connection that the server closed is opened once more."""
        try:
            return self._send(call)
        except (OSError, HTTPException):
            self._connection().close()
            return self._send(call)

    def all(self, calls: Iterable[Call]) -> list[Answer]:
        """Send several at the same time and return the answers in order."""
        return self.map(self.call, calls)

    def map(self, function: Callable[[T], R], values: Iterable[T]) -> list[R]:
        """Call a function for each value from several threads; results in order."""
        return list(self._pool.map(function, values))

    def create(self, path: str, documents: Iterable[Any]) -> None:
        """Create objects for good; what is there already stays."""
        for answer in self.all(Call("POST", path, document) for document in documents):
            assert answer.ok or answer.code == 409, answer

    def close(self) -> None:
        """Close all connections."""
        for connection in self._opened:
            connection.close()

    def _send(self, call: Call) -> Answer:
        connection = self._connection()
        body = json.dumps(call.body) if call.body is not None else ""
        connection.putrequest(call.method, call.path)
        for name, value in call.headers():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body.encode())))
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        text = answer.read()
        warnings = answer.headers.get_all("Warning") or ()
        return Answer(answer.status, _read(text), tuple(warnings))

    def _connection(self) -> HTTPSConnection:
        found: HTTPSConnection | None = getattr(self._local, "connection", None)
        if found is None:
            context = ssl.create_default_context(cafile=str(self.cluster.ca_file))
            context.load_cert_chain(self.cluster.client_certificate(*USER))
            port = self.cluster.port
            found = HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
            self._local.connection = found
            self._opened.append(found)
        return found


@contextlib.contextmanager
def connected(cluster: Cluster) -> Iterator[Api]:
    """Return the API server until the end of the block."""
    cluster.client_certificate(*USER)  # several threads must not make it at the same time
    with ThreadPoolExecutor(WORKERS) as pool, contextlib.closing(Api(cluster, pool)) as api:
        yield api


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"message": text.decode(errors="replace")}


def collection(group_version: str, plural: str, namespace: str = "") -> str:
    """Return the path of a collection; `group_version` as in `apiVersion`."""
    root = "/apis/" if "/" in group_version else "/api/"
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{group_version}{place}/{plural}"
