"""The admission port: `/mutate/{name}` and `/validate/{name}`, one AdmissionReview each.

HTTP only: content type, size, deadline, the facts loop, and the one place where a bug of ours
becomes HTTP 500. Judging is `engine.decide`'s part; certificates and ports are `server.py`'s.
The endpoint is plain ASGI below Starlette's router: a Request and a Response object for each
review would cost a fifth of the requests per second.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Router
from starlette.types import Lifespan, Receive, Scope, Send

from webhook.clocks import REAL, Clock, MonotonicDeadline
from webhook.codec import BadReview, decode_review, encode_review
from webhook.engine import PUBLICATION, decide, decide_in_steps
from webhook.model import (
    AdmissionRequest,
    Deadline,
    Decision,
    Facts,
    Lookup,
    NeedFacts,
    Registration,
)
from webhook.registration import route
from webhook.snapshot import Snapshot
from webhook.sources.slices import in_slices

MAX_BODY = 16 * 1024 * 1024
"""Bytes; object and old object of the API server's 3 MiB requests fit well (kubernetes-cel 1.1)."""


FAILED = "Propylon failed to judge this; its log says why"
_LOG = logging.getLogger("propylon.app")
_TIMEOUT = re.compile(rb"(?:^|&)timeout=([^&]*)")
_GO_DURATION = re.compile(rb"(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_JSON = [(b"content-type", b"application/json")]
_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


class Published(Protocol):
    """What is in force."""

    @property
    def snapshot(self) -> Snapshot:
        """All configuration."""
        ...

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """The entries that are answered."""
        ...


class Store(Protocol):
    """Where the snapshot in force is read."""

    @property
    def synced(self) -> bool:
        """Tell whether there is a first complete snapshot."""
        ...

    def current(self) -> Published:
        """Return what is in force now."""
        ...


class Resolver(Protocol):
    """Who answers the core's questions about the cluster."""

    def known_facts(self, request: AdmissionRequest, snapshot: Snapshot, /) -> Facts:
        """Return what is known without waiting."""
        ...

    async def resolve(
        self, lookups: Collection[Lookup], deadline: Deadline, /
    ) -> Mapping[Lookup, Any]:
        """Answer every lookup within the deadline; what cannot be had is Unavailable."""
        ...


class Sink(Protocol):
    """Who is told afterwards; never blocks, never raises."""

    def put_nowait(
        self,
        request: AdmissionRequest,
        registration: Registration,
        decision: Decision,
        latency: float,
        /,
    ) -> None:
        """Take one judged request; the latency is in seconds."""
        ...


class Refusal(Exception):  # noqa: N818 - an answer of HTTP, not an error of ours
    """A request that gets no verdict: an HTTP status and a text for a person."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


Keep = Callable[[AdmissionRequest, Registration, Decision, float], Awaitable[None]]
"""Stores one judged request before it is answered; raises when that cannot be done."""


def _ignore(_status: int) -> None:
    """Count nothing."""


def create_app(
    store: Store,
    resolver: Resolver,
    sinks: Sequence[Sink] = (),
    token: str = "",
    clock: Clock = REAL,
    *,
    refused: Callable[[int], None] = _ignore,
    keep: Keep | None = None,
    lifespan: Lifespan[Any] | None = None,
) -> Router:
    """Return the ASGI application of the admission port.

    With a token the paths end in it and all others are 404. `refused` is told the HTTP status of
    each request that got no verdict; `keep` is waited for before each answer.
    """
    parts = (store, resolver, tuple(sinks), token.encode(), clock, refused, keep)
    routes = [
        EntryRoute(verb, Endpoint(*parts, mutating=verb == "mutate"), has_token=bool(token))
        for verb in ("validate", "mutate")
    ]
    return Router(routes, redirect_slashes=False, default=_Nowhere(refused), lifespan=lifespan)


class EntryRoute(BaseRoute):
    """`/{verb}/{name}` or `/{verb}/{name}/{token}`.

    Starlette's own Route would match a pattern for each review; splitting takes half of the time.
    """

    def __init__(self, verb: str, app: Endpoint, *, has_token: bool) -> None:
        self._verb = verb
        self._app = app
        self._parts = 4 if has_token else 3

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether the path has this form, and which name and token it holds."""
        if scope["type"] != "http":
            return Match.NONE, {}
        parts = scope["path"].split("/")
        if len(parts) != self._parts or parts[1] != self._verb:
            return Match.NONE, {}
        return Match.FULL, {"path_params": {"name": parts[2], "token": parts[-1]}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        await self._app(scope, receive, send)


class Endpoint:
    """One verb of the admission port, as an ASGI application."""

    def __init__(
        self,
        store: Store,
        resolver: Resolver,
        sinks: tuple[Sink, ...],
        token: bytes,
        clock: Clock,
        refused: Callable[[int], None],
        keep: Keep | None,
        *,
        mutating: bool,
    ) -> None:
        self._keep = keep
        self._store = store
        self._resolver = resolver
        self._sinks = sinks
        self._token = token
        self._clock = clock
        self._refused = refused
        self._mutating = mutating

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        started = self._clock.monotonic()
        try:
            answer, request, registration, decision = await self._review(scope, receive, started)
            latency = self._clock.monotonic() - started
            if self._keep is not None:
                await self._keep(request, registration, decision, latency)
        except ClientDisconnect:
            return
        except Refusal as refusal:
            await self._refuse(scope, send, refusal.status, str(refusal))
            return
        except Exception:  # noqa: BLE001 - the one place: the registered failurePolicy applies
            _LOG.exception("no verdict", extra={"entry": scope["path_params"]["name"]})
            await self._refuse(scope, send, 500, FAILED)
            self._tell_failure(scope, started)
            return
        await _respond(send, 200, _JSON, answer)
        for sink in self._sinks:
            sink.put_nowait(request, registration, decision, latency)

    async def _review(
        self, scope: Scope, receive: Receive, started: float
    ) -> tuple[bytes, AdmissionRequest, Registration, Decision]:
        published = self._store.current()
        try:
            registration = self._registration(scope, published)
            seconds = _timeout(scope["query_string"]) or registration.timeout_seconds
            _check_headers(scope)
        except Refusal:
            await _discard(receive)
            raise
        deadline = MonotonicDeadline(started + _budget(seconds), self._clock.monotonic)
        try:
            request = decode_review(await _body(receive), self._clock.epoch(), deadline)
        except BadReview as error:
            raise Refusal(400, f"this AdmissionReview cannot be judged: {error}") from None
        scope["propylon"] = request, registration, published.snapshot.digest
        decision = await answer(request, registration, published.snapshot, self._resolver)
        return encode_review(request, decision, self._mutating), request, registration, decision

    def _registration(self, scope: Scope, published: Published) -> Registration:
        """Return the entry that was called; the token is looked at before anything is told."""
        parameters = scope["path_params"]
        if self._token and not hmac.compare_digest(parameters["token"].encode(), self._token):
            raise Refusal(404, NOWHERE)
        if scope["method"] != "POST":
            raise Refusal(405, f"{scope['method']} is not allowed here: POST an AdmissionReview")
        if not self._store.synced:
            raise Refusal(503, "not ready: the policies are not loaded yet")
        entries = published.registrations
        registration = route(entries, parameters["name"], mutating=self._mutating)
        if registration is None:
            known = sorted(one.path for one in entries if one.mutating is self._mutating)
            known_text = ", ".join(known) or "none"
            raise Refusal(404, f"no entry {parameters['name']!r}; there are: {known_text}")
        return registration

    def _tell_failure(self, scope: Scope, started: float) -> None:
        """Let the sinks know of a request that was read and not judged."""
        if "propylon" in scope:
            request, registration, digest = scope["propylon"]
            failure = Decision(False, digest, message=FAILED, code=500, failed=True)
            for sink in self._sinks:
                sink.put_nowait(request, registration, failure, self._clock.monotonic() - started)

    async def _refuse(self, scope: Scope, send: Send, status: int, text: str) -> None:
        self._refused(status)
        await _refuse(scope, send, status, text)


async def answer(
    request: AdmissionRequest, registration: Registration, snapshot: Snapshot, resolver: Resolver
) -> Decision:
    """Ask the core; fetch what it asks for; repeat until it decides."""
    facts = resolver.known_facts(request, snapshot)
    if registration.stages == PUBLICATION:
        return await in_slices(decide_in_steps(request, registration, snapshot, facts))
    while not request.deadline.expired():
        try:
            return decide(request, registration, snapshot, facts)
        except NeedFacts as need:
            facts = facts | await resolver.resolve(need.lookups, request.deadline)
    return decide(request, registration, snapshot, facts.sealed())


NOWHERE = "there is nothing here: reviews are POSTed to /validate/{entry} or /mutate/{entry}"


class _Nowhere:
    """All other paths."""

    def __init__(self, refused: Callable[[int], None]) -> None:
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._refused(404)
            await _discard(receive)
            await _refuse(scope, send, 404, NOWHERE)
        else:  # a WebSocket
            await send({"type": "websocket.close", "code": 1008})


def _check_headers(scope: Scope) -> None:
    content_type, length = b"", b"0"
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value
        elif name == b"content-length":
            length = value
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        found = content_type.decode("latin-1") or "none"
        raise Refusal(415, f"the content type must be application/json, got {found}")
    if int(length) > MAX_BODY:
        raise _too_large()


def _too_large() -> Refusal:
    return Refusal(413, f"the body is larger than {MAX_BODY} bytes (16 MiB)")


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        return whole
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        is_last = not message.get("more_body", False)
        if size > MAX_BODY:
            await _discard(receive, is_last=is_last)
            raise _too_large()
        if is_last:
            return b"".join(chunks)
        message = await receive()
    raise ClientDisconnect


async def _discard(receive: Receive, *, is_last: bool = False) -> None:
    """Read what is still coming, up to a limit: a client in the middle of sending sees no answer."""
    size = 0
    while not is_last and size <= MAX_BODY:
        message = await receive()
        size += len(message.get("body", b""))
        is_last = not message.get("more_body", False)


@lru_cache(maxsize=64)
def _timeout(query: bytes) -> float:
    """Return the seconds of `?timeout=`, 0 when it is absent; the API server writes Go durations."""
    found = _TIMEOUT.search(query)
    if found is None:
        return 0.0
    parts = _GO_DURATION.fullmatch(found[1])
    seconds = 60 * int(parts[1] or 0) + float(parts[2] or 0) if parts else 0.0
    if seconds <= 0:
        text = found[1].decode("latin-1")
        raise Refusal(400, f"timeout must be a duration above 0 such as 10s or 1m30s, got {text!r}")
    return seconds


def _budget(seconds: float) -> float:
    """Return what we may use: the API server rounds up to whole seconds, and the answer travels."""
    return seconds - min(1.0, seconds / 4)


async def _refuse(scope: Scope, send: Send, status: int, text: str) -> None:
    """Answer with a text; the connection ends where the rest of a body may still be coming."""
    headers = [*_TEXT, (b"connection", b"close")]
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status != 404:
        _LOG.warning(text, extra={"status": status, "client": (scope.get("client") or ("",))[0]})
    await _respond(send, status, headers, f"{text}\n".encode())


async def _respond(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
