"""The admission port through ASGI: every HTTP answer, the facts loop, what sinks are told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any

import orjson
import pytest

from tests.builders import deployment, namespace, review
from tests.edge.asgi import JSON, Answer, post
from webhook.app import MAX_BODY, create_app
from webhook.clocks import Clock, MonotonicDeadline
from webhook.model import (
    AdmissionRequest,
    Deadline,
    Decision,
    Document,
    Facts,
    Get,
    Lookup,
    Registration,
    Unavailable,
)
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build
from webhook.sources.objects import DirectoryResolver
from webhook.sources.store import SnapshotStore

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: replicas}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {environment: production}}
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations:
    - expression: object.spec.replicas <= 5
      message: at most 5 replicas
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: replicas}
spec: {policyName: replicas, validationActions: [Deny]}
"""
SNAPSHOT = build((Document("policies/replicas.yaml", POLICY),))
assert SNAPSHOT.errors == ()
PRODUCTION = namespace(labels={"environment": "production"})
SMALL = orjson.dumps(review(deployment(replicas=3)))
LARGE = orjson.dumps(review(deployment(replicas=9)))


class Listener:
    """A sink and a counter of refusals."""

    def __init__(self) -> None:
        self.judged: list[tuple[str, Decision, float]] = []
        self.statuses: list[int] = []

    def put_nowait(
        self,
        request: AdmissionRequest,
        registration: Registration,
        decision: Decision,
        latency: float,
    ) -> None:
        self.judged.append((f"{request.name} {registration.name}", decision, latency))


async def test_others_go_on_while_documents_are_compiled() -> None:
    names = [f"p{number}" for number in range(30)]
    data = {f"{name}.yaml": POLICY.replace("name: replicas", f"name: {name}") for name in names}
    metadata = {"name": "a", "namespace": "propylon-policies"}
    labels = {"propylon.dev/policies": "true"}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}
    asked = review({**config_map, "metadata": {**metadata, "labels": labels}})
    app = create_app(synced(), resolver())
    turns = 0
    judging = asyncio.ensure_future(post(app, "/validate/documents", orjson.dumps(asked)))
    while not judging.done():
        await asyncio.sleep(0)
        turns += 1
    assert judging.result().response["allowed"] is True
    assert turns > len(names)


class AskedResolver:
    """Knows nothing at first; answers when asked, and keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Collection[Lookup]] = []
        self.remaining = 0.0

    def known_facts(self, _request: AdmissionRequest, _snapshot: Snapshot) -> Facts:
        return Facts()

    async def resolve(
        self, lookups: Collection[Lookup], deadline: Deadline
    ) -> Mapping[Lookup, Any]:
        assert isinstance(deadline, MonotonicDeadline)
        self.remaining = deadline.remaining()
        self.asked.append(set(lookups))
        return dict.fromkeys(lookups, self.answer)


def synced(snapshot: Snapshot = SNAPSHOT) -> SnapshotStore:
    store = SnapshotStore()
    store.publish(snapshot, registrations(snapshot))
    return store


def resolver() -> DirectoryResolver:
    return DirectoryResolver([PRODUCTION])


async def test_allowed_review_is_answered_with_json() -> None:
    answer = await post(create_app(synced(), resolver()), "/validate/policies", SMALL)
    assert answer.status == 200
    assert answer.headers[b"content-type"] == b"application/json"
    assert answer.headers[b"content-length"] == str(len(answer.body)).encode()
    assert b"connection" not in answer.headers
    assert answer.response["allowed"] is True
    assert "status" not in answer.response


async def test_denied_review_is_http_200() -> None:
    answer = await post(create_app(synced(), resolver()), "/validate/policies", LARGE)
    assert answer.status == 200
    assert answer.response["allowed"] is False
    assert "at most 5 replicas" in answer.response["status"]["message"]
    assert answer.response["status"]["code"] == 422


async def test_body_in_pieces_is_put_together() -> None:
    pieces = [LARGE[:100], b"", LARGE[100:2000], LARGE[2000:]]
    answer = await post(create_app(synced(), resolver()), "/validate/policies", pieces)
    assert answer.response["allowed"] is False


async def test_body_of_16_mib_is_taken() -> None:
    body = SMALL + b" " * (MAX_BODY - len(SMALL))
    headers = (*JSON, (b"content-length", str(MAX_BODY).encode()))
    app = create_app(synced(), resolver())
    assert (await post(app, "/validate/policies", body, headers=headers)).status == 200
    assert (await post(app, "/validate/policies", [body[:99], body[99:]])).status == 200


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "broken JSON": (
        {"body": b"{"},
        400,
        "this AdmissionReview cannot be judged: the body is not valid JSON",
    ),
    "no review": (
        {"body": orjson.dumps(deployment())},
        400,
        'this AdmissionReview cannot be judged: kind must be "AdmissionReview", got "Deployment"',
    ),
    "bad timeout": (
        {"query": b"timeout=soon"},
        400,
        "timeout must be a duration above 0 such as 10s",
    ),
    "zero timeout": ({"query": b"timeout=0s"}, 400, "timeout must be a duration above 0"),
    "unknown entry": (
        {"path": "/validate/nothing"},
        404,
        "no entry 'nothing'; there are: documents, documents-grants, policies",
    ),
    "entry of the other verb": (
        {"path": "/mutate/nothing"},
        404,
        "no entry 'nothing'; there are: none",
    ),
    "another path": (
        {"path": "/"},
        404,
        "there is nothing here: reviews are POSTed to /validate/{entry}",
    ),
    "token where there is none": ({"path": "/validate/policies/abc"}, 404, "there is nothing here"),
    "slash at the end": ({"path": "/validate/policies/"}, 404, "there is nothing here"),
    "GET": ({"method": "GET"}, 405, "GET is not allowed here: POST an AdmissionReview"),
    "PUT": ({"method": "PUT"}, 405, "PUT is not allowed here"),
    "announced too large": (
        {"headers": (*JSON, (b"content-length", str(MAX_BODY + 1).encode()))},
        413,
        "the body is larger than 16777216 bytes (16 MiB)",
    ),
    "too large in pieces": (
        {"body": [b" " * 10_000_000, b" " * 10_000_000]},
        413,
        "the body is larger than 16777216 bytes (16 MiB)",
    ),
    "no content type": (
        {"headers": ()},
        415,
        "the content type must be application/json, got none",
    ),
    "YAML": (
        {"headers": ((b"content-type", b"application/yaml"),)},
        415,
        "the content type must be application/json, got application/yaml",
    ),
}


@pytest.mark.parametrize(("change", "status", "text"), REFUSED.values(), ids=REFUSED)
async def test_refusal_says_what_is_wrong(change: dict[str, Any], status: int, text: str) -> None:
    listener = Listener()
    app = create_app(synced(), resolver(), [listener], refused=listener.statuses.append)
    call: dict[str, Any] = {"path": "/validate/policies", "body": SMALL, **change}
    answer = await post(app, **call)
    assert answer.status == status
    assert answer.text.startswith(text)
    assert answer.text.endswith("\n")
    assert answer.headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert answer.headers[b"connection"] == b"close"
    assert (answer.headers.get(b"allow") == b"POST") == (status == 405)
    assert answer.left == 0  # a client that still sends would not see the answer
    assert listener.statuses == [status]
    assert listener.judged == []


async def test_charset_is_no_other_content_type() -> None:
    headers = ((b"content-type", b"Application/JSON; charset=utf-8"), (b"accept", b"*/*"))
    app = create_app(synced(), resolver())
    assert (await post(app, "/validate/policies", SMALL, headers=headers)).status == 200


async def test_endless_body_is_not_read_to_its_end() -> None:
    chunks = [b" " * 4_000_000] * 20
    answer = await post(create_app(synced(), resolver()), "/validate/policies", chunks)
    assert answer.status == 413
    assert answer.left > 5


async def test_before_the_first_snapshot_nothing_is_judged() -> None:
    answer = await post(create_app(SnapshotStore(), resolver()), "/validate/policies", SMALL)
    assert (answer.status, answer.text) == (503, "not ready: the policies are not loaded yet\n")


TOKEN = "a" * 32
TOKENS = {
    "right": (f"/validate/policies/{TOKEN}", 200),
    "wrong": (f"/validate/policies/{'b' * 32}", 404),
    "of another length": ("/validate/policies/a", 404),
    "not ASCII": ("/validate/policies/\xe4\u2026", 404),
    "missing": ("/validate/policies", 404),
    "of an unknown entry, wrong": ("/validate/nothing/b", 404),
}


@pytest.mark.parametrize(("path", "status"), TOKENS.values(), ids=TOKENS)
async def test_token_opens_the_paths(path: str, status: int) -> None:
    answer = await post(create_app(synced(), resolver(), token=TOKEN), path, SMALL)
    assert answer.status == status
    if status == 404:
        assert answer.text.startswith("there is nothing here")  # and no list of entries


async def test_method_is_not_told_without_the_token() -> None:
    app = create_app(synced(), resolver(), token=TOKEN)
    assert (await post(app, "/validate/policies/b", method="GET")).status == 404


@pytest.mark.parametrize("chunks", [[b""], [SMALL[:50], SMALL[50:]]], ids=["at once", "halfway"])
async def test_client_that_goes_away_gets_nothing(chunks: list[bytes]) -> None:
    listener = Listener()
    app = create_app(synced(), resolver(), [listener], refused=listener.statuses.append)
    answer = await post(app, "/validate/policies", chunks, disconnects=True)
    assert answer == Answer()
    assert listener.judged == []
    assert listener.statuses == []


async def test_web_socket_is_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    await create_app(synced(), resolver())(
        {"type": "websocket", "path": "/", "root_path": ""}, receive, send
    )
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_missing_facts_are_resolved_and_the_core_is_asked_again() -> None:
    asked = AskedResolver(PRODUCTION)
    answer = await post(create_app(synced(), asked), "/validate/policies", LARGE)
    assert answer.response["allowed"] is False
    assert asked.asked == [{Get("v1", "Namespace", "", "shop")}]


DEADLINES = {
    "of the entry": (b"", 9.0),
    "from the API server": (b"timeout=5s", 4.0),
    "beside others": (b"a=b&timeout=2s&c=d", 1.5),
    "one second": (b"timeout=1s", 0.75),
    "minutes": (b"timeout=1m30s", 89.0),
    "a whole minute": (b"timeout=1m", 59.0),
    "with a fraction": (b"timeout=0.4s", 0.3),
    "of another name": (b"mytimeout=1s", 9.0),
}


@pytest.mark.parametrize(("query", "seconds"), DEADLINES.values(), ids=DEADLINES)
async def test_deadline_is_a_little_earlier(query: bytes, seconds: float) -> None:
    asked = AskedResolver(PRODUCTION)
    clock = Clock(epoch=lambda: 0.0, monotonic=lambda: 1000.0)
    app = create_app(synced(), asked, clock=clock)
    await post(app, "/validate/policies", SMALL, query=query)
    assert asked.remaining == pytest.approx(seconds)


async def test_past_the_deadline_missing_facts_are_unavailable() -> None:
    """The failure policy decides then (here Fail); nobody is asked any more."""
    times = iter((0.0, *[1000.0] * 20))
    asked = AskedResolver(PRODUCTION)
    app = create_app(synced(), asked, clock=Clock(lambda: 0.0, lambda: next(times)))
    answer = await post(app, "/validate/policies", SMALL)
    assert asked.asked == []
    assert answer.response["allowed"] is False


async def test_unavailable_fact_is_decided_upon() -> None:
    asked = AskedResolver(Unavailable("the API server is away"))
    answer = await post(create_app(synced(), asked), "/validate/policies", SMALL)
    assert answer.response["allowed"] is False
    assert len(asked.asked) == 1


def test_deadline_passes() -> None:
    now = [10.0]
    deadline = MonotonicDeadline(12.0, lambda: now[0])
    assert (deadline.expired(), deadline.remaining()) == (False, 2.0)
    now[0] = 12.0
    assert (deadline.expired(), deadline.remaining()) == (True, 0.0)
    now[0] = 15.0
    assert (deadline.expired(), deadline.remaining()) == (True, 0.0)


async def test_sinks_are_told_after_the_answer() -> None:
    now = [1.0]
    order: list[str] = []

    class Slow(DirectoryResolver):
        def known_facts(self, request: AdmissionRequest, snapshot: Snapshot) -> Facts:
            now[0] += 0.25
            return super().known_facts(request, snapshot)

    class Sink(Listener):
        def put_nowait(self, *judged: Any) -> None:
            order.append("sink")
            now[0] += 10
            super().put_nowait(*judged)

    sinks = [Sink(), Sink()]
    slow = Slow([PRODUCTION])
    app = create_app(synced(), slow, sinks, clock=Clock(lambda: 0.0, lambda: now[0]))

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        now[0] = 1.0

        async def note(message: Any) -> None:
            order.append(message["type"])
            await send(message)

        await app(scope, receive, note)

    await post(watched, "/validate/policies", LARGE)
    assert order == ["http.response.start", "http.response.body", "sink", "sink"]
    for sink in sinks:
        ((what, decision, latency),) = sink.judged
        assert what == "web policies.propylon.dev"
        assert (decision.allowed, decision.digest) == (False, SNAPSHOT.digest)
        assert latency == pytest.approx(0.25)


class BrokenResolver(DirectoryResolver):
    """Has a bug."""

    def known_facts(self, _request: AdmissionRequest, _snapshot: Snapshot) -> Facts:
        raise RuntimeError("a bug of ours")


async def test_bug_is_http_500_without_a_verdict(caplog: pytest.LogCaptureFixture) -> None:
    listener = Listener()
    app = create_app(
        synced(), BrokenResolver(), [listener], TOKEN, refused=listener.statuses.append
    )
    with caplog.at_level(logging.ERROR):
        answer = await post(app, f"/validate/policies/{TOKEN}", SMALL)
    assert (answer.status, answer.text) == (
        500,
        "Propylon failed to judge this; its log says why\n",
    )
    assert listener.statuses == [500]
    ((asked, decision, _),) = listener.judged
    assert asked == "web policies.propylon.dev"
    assert (decision.failed, decision.allowed, decision.code) == (True, False, 500)
    assert decision.digest == synced().current().snapshot.digest
    assert "bug" not in decision.message
    assert "a bug of ours" in caplog.text
    assert TOKEN not in caplog.text


async def test_what_fails_before_it_is_read_is_told_to_nobody() -> None:
    def broken() -> float:
        raise RuntimeError("a bug of ours")

    listener = Listener()
    app = create_app(synced(), AskedResolver(PRODUCTION), [listener], clock=Clock(epoch=broken))
    assert (await post(app, "/validate/policies", SMALL)).status == 500
    assert listener.judged == []


async def test_answer_waits_until_it_is_kept() -> None:
    kept: list[str] = []

    async def keep(
        request: AdmissionRequest, entry: Registration, decision: Decision, latency: float
    ) -> None:
        assert listener.judged == []
        kept.append(f"{request.name} {entry.name} {decision.allowed} {latency >= 0}")

    listener = Listener()
    app = create_app(synced(), AskedResolver(PRODUCTION), [listener], keep=keep)
    assert (await post(app, "/validate/policies", SMALL)).status == 200
    assert kept == ["web policies.propylon.dev True True"]
    assert len(listener.judged) == 1


async def test_what_cannot_be_kept_is_http_500() -> None:
    async def full(*_: Any) -> None:
        raise TimeoutError

    listener = Listener()
    app = create_app(synced(), AskedResolver(PRODUCTION), [listener], keep=full)
    assert (await post(app, "/validate/policies", SMALL)).status == 500
    ((_, decision, _),) = listener.judged
    assert decision.failed


async def test_snapshot_is_read_once() -> None:
    """A switch in the middle of a request does not change by what it is judged."""
    store = synced()

    class Switching(AskedResolver):
        async def resolve(
            self, lookups: Collection[Lookup], deadline: Deadline
        ) -> Mapping[Lookup, Any]:
            empty = build(())
            store.publish(empty, registrations(empty))
            return await super().resolve(lookups, deadline)

    listener = Listener()
    app = create_app(store, Switching(PRODUCTION), [listener])
    answer = await post(app, "/validate/policies", LARGE)
    assert answer.response["allowed"] is False
    assert listener.judged[0][1].digest == SNAPSHOT.digest
    after = await post(app, "/validate/policies", LARGE)
    assert after.response["allowed"] is True
