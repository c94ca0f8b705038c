"""A small API server as a Starlette application: stores, lists, watches, expires, refuses.

It keeps the rules that clients depend on (versions, conflicts, 404 with a Status, server-side
apply of whole top-level fields) and does what a test tells it: fail, break watches, forget events.
"""

from __future__ import annotations

import asyncio
import copy
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from webhook.cluster.client import Cluster, connect
from webhook.cluster.resources import (
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    MUTATING,
    NAMESPACES,
    SECRETS,
    VALIDATING,
    Resource,
)

NO_CHECK = {"insecure-skip-tls-verify": True}
"""Plain HTTP; loading the system's certificates for it takes 40 ms."""

Object = dict[str, Any]
Key = tuple[str, str, str]

RESOURCES = (
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    MUTATING,
    NAMESPACES,
    SECRETS,
    VALIDATING,
    Resource("example.com", "v1", "budgets", "Budget"),
    Resource("example.com", "v1", "tiers", "Tier", namespaced=False),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What to answer instead: `body` None means to break the connection."""

    status: int
    body: str | None = ""
    content_type: str = "application/json"


@dataclass(slots=True)
class FakeApi:
    """The state of the server; tests read and change it directly."""

    objects: dict[Key, Object] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=lambda: list(RESOURCES))
    failures: dict[str, deque[Failure]] = field(default_factory=dict)
    reviews: list[Object] = field(default_factory=list)
    review_status: Object = field(default_factory=lambda: {"allowed": True})
    before_write: Callable[[str, Object], None] | None = None
    version: int = 100
    oldest: int = 0
    events: list[tuple[int, str, str, Object]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    pages: dict[str, Any] = field(default_factory=dict)
    raw_lines: dict[str, deque[str]] = field(default_factory=dict)
    is_closing: bool = False
    generation: int = 0

    def put(self, resource: Resource, value: Object) -> Object:
        """Store an object as somebody else would, and tell the watches."""
        metadata = value["metadata"]
        key = (resource.plural, metadata.get("namespace", ""), metadata["name"])
        kind = "MODIFIED" if key in self.objects else "ADDED"
        self.version += 1
        uid = self.objects[key]["metadata"]["uid"] if key in self.objects else f"u{self.version}"
        metadata = {"uid": uid, **metadata, "resourceVersion": str(self.version)}
        api = {"apiVersion": resource.api_version, "kind": resource.kind}
        self.objects[key] = {**api, **copy.deepcopy(value), "metadata": metadata}
        self._tell(kind, resource.plural, self.objects[key])
        return self.objects[key]

    def remove(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete an object and tell the watches."""
        value = self.objects.pop((resource.plural, namespace, name))
        self.version += 1
        value["metadata"]["resourceVersion"] = str(self.version)
        self._tell("DELETED", resource.plural, value)

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Return what is stored."""
        return self.objects[resource.plural, namespace, name]

    def names(self, resource: Resource, namespace: str = "") -> list[str]:
        """Return the names of all objects of a kind in a namespace."""
        return sorted(k[2] for k in self.objects if k[:2] == (resource.plural, namespace))

    def count(self, text: str) -> int:
        """Return how many requests had this text in their line."""
        return sum(text in line for line in self.requests)

    def fail(self, text: str, *failures: Failure) -> None:
        """Answer the next requests whose line holds this text in these ways."""
        self.failures[text] = deque(failures)

    def expire(self) -> None:
        """Forget all events: watches from an older version get 410."""
        self.oldest = self.version
        self.events.clear()

    def break_watches(self) -> None:
        """End all watches that run, without a word."""
        self.generation += 1
        self._wake()

    def say(self, plural: str, line: str) -> None:
        """Send this line to a watch of the resource as it is."""
        self.raw_lines.setdefault(plural, deque()).append(line)
        self._wake()

    def close(self) -> None:
        """End everything."""
        self.is_closing = True
        self._wake()

    def _tell(self, kind: str, plural: str, value: Object) -> None:
        self.events.append((self.version, kind, plural, copy.deepcopy(value)))
        self._wake()

    def _wake(self) -> None:
        news, self.news = self.news, asyncio.Event()
        news.set()

    async def handle(self, request: Request) -> Response:
        """Answer any request."""
        line = f"{request.method} {request.url.path.lstrip('/')}"
        if request.url.query:
            line += f"?{request.url.query}"
        self.requests.append(line)
        for text, failures in self.failures.items():
            if text in line and failures:
                return _failure(failures.popleft())
        if request.url.path in self.pages:
            return JSONResponse(self.pages[request.url.path])
        return await self._answer(request, request.url.path.strip("/").split("/"))

    async def _answer(self, request: Request, parts: list[str]) -> Response:
        if parts == ["version"]:
            return JSONResponse({"major": "1", "minor": "36+"})
        if parts == ["apis"]:
            return self._groups()
        parts = parts[1:] if parts[0] == "apis" else ["", *parts[1:]]
        group, version, *rest = parts
        if not rest:
            return self._discovery(group, version)
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            _, namespace, *rest = rest
        if rest[0] == "subjectaccessreviews":
            self.reviews.append(await request.json())
            return JSONResponse({"kind": "SubjectAccessReview", "status": self.review_status})
        named = (group, version, rest[0])
        for one in self.resources:
            if (one.group, one.version, one.plural) == named:
                return await self._handle(request, one, namespace, "".join(rest[1:]))
        return PlainTextResponse("404 page not found", 404)

    def _discovery(self, group: str, version: str) -> Response:
        found = [one for one in self.resources if (one.group, one.version) == (group, version)]
        if not found:
            return PlainTextResponse("404 page not found", 404)
        entries = [
            {"name": name, "kind": one.kind, "namespaced": one.namespaced, "verbs": ["get", "list"]}
            for one in found
            for name in (one.plural, f"{one.plural}/status")
        ]
        return JSONResponse({"kind": "APIResourceList", "resources": entries})

    def _groups(self) -> Response:
        versions: dict[str, list[Object]] = {}
        for one in self.resources:
            if one.group and {"version": one.version} not in versions.get(one.group, []):
                versions.setdefault(one.group, []).append({"version": one.version})
        groups = [
            {"name": name, "versions": found, "preferredVersion": found[-1]}
            for name, found in versions.items()
        ]
        return JSONResponse({"kind": "APIGroupList", "groups": groups})

    async def _handle(
        self, request: Request, resource: Resource, namespace: str, name: str
    ) -> Response:
        if request.method != "GET":
            value = json.loads(await request.body() or b"null")
            return self._write(request.method, resource, (resource.plural, namespace, name), value)
        if request.query_params.get("watch"):
            return self._watch(request, resource, namespace)
        if not name:
            return self._list(request, resource, namespace)
        found = self.objects.get((resource.plural, namespace, name))
        return _missing(resource, name) if found is None else JSONResponse(found)

    def _write(self, method: str, resource: Resource, key: Key, value: Object) -> Response:
        if self.before_write:
            self.before_write(f"{method} {resource.plural}", value)
        if method == "POST":
            return self._create(resource, key[1], value)
        if method == "PATCH":
            return self._apply(resource, key, value)
        if key not in self.objects:
            return _missing(resource, key[2])
        if method == "PUT":
            return self._replace(resource, key, value)
        self.remove(resource, key[1], key[2])
        return JSONResponse({"kind": "Status", "status": "Success"})

    def _create(self, resource: Resource, namespace: str, value: Object) -> Response:
        name = value["metadata"]["name"]
        if (resource.plural, namespace, name) in self.objects:
            return _status(409, "AlreadyExists", f'{resource.name} "{name}" already exists', name)
        return JSONResponse(self.put(resource, value), 201)

    def _replace(self, resource: Resource, key: Key, value: Object) -> Response:
        sent = value["metadata"].get("resourceVersion")
        if sent not in (None, self.objects[key]["metadata"]["resourceVersion"]):
            return _status(409, "Conflict", "the object has been modified", key[2])
        return JSONResponse(self.put(resource, value))

    def _apply(self, resource: Resource, key: Key, value: Object) -> Response:
        found = self.objects.get(key, {})
        uid = value["metadata"].get("uid")
        if uid is not None and uid != found.get("metadata", {}).get("uid"):
            return _status(409, "Conflict", "uid mismatch", key[2])
        metadata = {**found.get("metadata", {}), **value["metadata"]}
        return JSONResponse(self.put(resource, {**found, **value, "metadata": metadata}))

    def _select(self, request: Request, plural: str, namespace: str) -> list[Object]:
        selector = request.query_params.get("labelSelector", "")
        return [
            value
            for key, value in sorted(self.objects.items())
            if key[0] == plural and namespace in ("", key[1]) and _matches(value, selector)
        ]

    def _list(self, request: Request, resource: Resource, namespace: str) -> Response:
        items = self._select(request, resource.plural, namespace)
        start = int(request.query_params.get("continue", "0"))
        end = start + int(request.query_params["limit"])
        # lists of built-in kinds leave both fields out of their items
        page = [{k: v for k, v in one.items() if k not in ("kind", "apiVersion")} for one in items]
        metadata: Object = {"resourceVersion": str(self.version)}
        if end < len(items):
            metadata |= {"continue": str(end), "remainingItemCount": len(items) - end}
        return JSONResponse({"metadata": metadata, "items": page[start:end] or None})

    def _watch(self, request: Request, resource: Resource, namespace: str) -> Response:
        since = int(request.query_params["resourceVersion"])
        selector = request.query_params.get("labelSelector", "")

        def is_wanted(event: tuple[int, str, str, Object]) -> bool:
            _, _, plural, value = event
            place = value["metadata"].get("namespace", "")
            return (
                plural == resource.plural and namespace in ("", place) and _matches(value, selector)
            )

        return StreamingResponse(self._stream(since, resource.plural, is_wanted))

    async def _stream(
        self, since: int, plural: str, is_wanted: Callable[..., bool]
    ) -> AsyncIterator[str]:
        generation = self.generation
        if since < self.oldest:
            gone = {"kind": "Status", "code": 410, "message": "too old resource version"}
            yield json.dumps({"type": "ERROR", "object": gone}) + "\n"
            return
        while not self.is_closing and generation == self.generation:
            news = self.news
            for event in list(self.events):
                if event[0] > since and is_wanted(event):
                    yield json.dumps({"type": event[1], "object": event[3]}) + "\n"
            since = self.version
            lines = self.raw_lines.get(plural, deque())
            while lines:
                yield lines.popleft() + "\n"
            await news.wait()


def _matches(value: Object, selector: str) -> bool:
    labels = value["metadata"].get("labels", {})
    pairs = (one.partition("=") for one in selector.split(",") if one)
    return all(labels.get(key) == wanted for key, _, wanted in pairs)


def _missing(resource: Resource, name: str) -> Response:
    return _status(404, "NotFound", f'{resource.name} "{name}" not found', name)


def _status(code: int, reason: str, message: str, name: str) -> Response:
    details = {"name": name, "kind": "x"}
    status = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return JSONResponse({**status, "details": details}, code)


def _failure(failure: Failure) -> Response:
    if failure.body is None:

        async def broken() -> AsyncIterator[bytes]:
            yield b"{"
            raise ConnectionResetError

        return StreamingResponse(broken(), headers={"content-length": "1000"})
    return Response(failure.body, failure.status, media_type=failure.content_type)


def forbidden(message: str) -> Failure:
    """Return the answer of missing rights."""
    return Failure(403, json.dumps({"kind": "Status", "code": 403, "message": message}))


@asynccontextmanager
async def running(api: FakeApi, folder: Path) -> AsyncIterator[Cluster]:
    """Serve the API on loopback and return a connection made from a kubeconfig file."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", api.handle, methods=methods)])
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    # the protocol is named because asyncio switches Nagle's algorithm off only then: 40 ms a request
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        cluster = connect(kubeconfig(folder, f"http://127.0.0.1:{port}"))
        # without uvicorn's own loop and stop, which look only ten times a second what to do
        await server.startup([listener])
        try:
            yield cluster
        finally:
            await cluster.close()
            api.close()
            for one in server.servers:
                one.close()
            for connection in list(server.server_state.connections):
                connection.shutdown()
            await asyncio.gather(*server.server_state.tasks)


def kubeconfig(folder: Path, server: str) -> Path:
    """Write a kubeconfig file for a server without authentication."""
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server, **NO_CHECK}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(content))
    return file


async def eventually(is_so: Callable[[], bool], what: str = "", seconds: float = 5.0) -> None:
    """Wait until something is so; fail with what was waited for."""
    try:
        async with asyncio.timeout(seconds):
            while not is_so():  # noqa: ASYNC110  # any condition, none of them with an event
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what or is_so}") from None


@asynccontextmanager
async def task_running(*coroutines: Any) -> AsyncIterator[None]:
    """Run endless coroutines beside the body; an error of one fails the test."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in coroutines]
        yield
        for one in tasks:
            one.cancel()
