"""The sink of Events against a fake API server: aggregation, limits, failures, nothing in the way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.builders import deployment, request
from tests.edge.fake_api import Failure, FakeApi, eventually, forbidden, task_running
from webhook.cluster.client import Cluster
from webhook.cluster.resources import EVENTS
from webhook.model import AdmissionRequest, Decision, Registration, Violation
from webhook.sinks.events import EventSink, Limits

ENTRY = Registration("protect.propylon.dev", "protect", mutating=False, stages=("protect",))
QUICK = Limits(round=0.01, repeat=0.0)
START = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""


class Hands:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def denied(name: str = "web", namespace: str = "shop", uid: str = "u") -> Decision:
    entry = {"decision": "deny", "group": "apps", "kind": "Deployment", "name": name, "uid": uid}
    texts = [f'"{key}":"{value}"' for key, value in entry.items()]
    if namespace:
        texts.append(f'"namespace":"{namespace}"')
    return Decision(
        allowed=False,
        digest="d",
        violations=(Violation("protect", f"protect: {name} is protected."),),
        audit_annotations={"protect": "[{" + ",".join(texts) + "}]"},
    )


ASKED = request(old=deployment(), operation="DELETE")


def put(sink: EventSink, decision: Decision | None = None, **change: Any) -> None:
    asked: AdmissionRequest = replace(ASKED, **change)
    sink.put_nowait(asked, ENTRY, decision or denied(), 0.001)


def is_written(sink: EventSink, count: int) -> bool:
    return sink.written == count


def stored(api: FakeApi) -> list[dict[str, Any]]:
    return [value for key, value in sorted(api.objects.items()) if key[0] == EVENTS.plural]


@asynccontextmanager
async def sinking(
    cluster: Cluster, limits: Limits = QUICK, clock: Hands | None = None
) -> AsyncIterator[EventSink]:
    sink = EventSink(cluster, "propylon-1", clock or Hands(), limits)
    async with task_running(sink.run()):
        yield sink


async def test_event_has_everything_that_people_look_for(api: FakeApi, cluster: Cluster) -> None:
    async with sinking(cluster) as sink:
        put(sink)
        await eventually(lambda: sink.written == 1)
    (event,) = stored(api)
    metadata = event.pop("metadata")
    assert metadata["namespace"] == "shop"
    assert metadata["name"].startswith("web.")
    assert event == {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": "shop",
            "name": "web",
            "uid": "u",
        },
        "type": "Warning",
        "reason": "DeletionProtected",
        "message": "protect: web is protected. (DELETE by alice)",
        "action": "DELETE",
        "source": {"component": "propylon"},
        "reportingComponent": "propylon",
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
    }


async def test_events_of_cluster_scoped_objects_are_in_default(
    api: FakeApi, cluster: Cluster
) -> None:
    async with sinking(cluster) as sink:
        put(sink, denied("Odd:Name", namespace=""))
        await eventually(lambda: sink.written == 1)
    (event,) = stored(api)
    assert event["metadata"]["namespace"] == "default"
    assert event["metadata"]["name"].startswith("propylon.")
    assert "namespace" not in event["involvedObject"]


async def test_what_repeats_before_it_is_written_is_one_event(
    api: FakeApi, cluster: Cluster
) -> None:
    hands = Hands()
    async with sinking(cluster, clock=hands) as sink:
        put(sink)
        hands.now += 2
        put(sink)
        put(sink, user_info=replace(ASKED.user_info, username="bob"))
        await eventually(lambda: sink.written == 3)
    counts = {one["message"].split()[-1]: one for one in stored(api)}
    assert {key: one["count"] for key, one in counts.items()} == {"alice)": 2, "bob)": 1}
    assert counts["alice)"]["lastTimestamp"] == "2026-01-01T00:00:02Z"
    assert api.count("PATCH") == 2


async def test_what_repeats_later_counts_on(api: FakeApi, cluster: Cluster) -> None:
    hands = Hands()
    async with sinking(cluster, clock=hands) as sink:
        put(sink)
        await eventually(lambda: sink.written == 1)
        hands.now += 60
        put(sink)
        await eventually(lambda: sink.written == 2)
    (event,) = stored(api)
    assert event["count"] == 2
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T00:01:00Z"


async def test_after_a_long_silence_it_is_a_new_event(api: FakeApi, cluster: Cluster) -> None:
    hands = Hands()
    async with sinking(cluster, clock=hands) as sink:
        put(sink)
        await eventually(lambda: sink.written == 1)
        hands.now += 3600
        put(sink)
        await eventually(lambda: sink.written == 2)
    assert [one["count"] for one in stored(api)] == [1, 1]


async def test_a_repeated_event_is_written_now_and_then_only(
    api: FakeApi, cluster: Cluster
) -> None:
    hands = Hands()
    async with sinking(cluster, replace(QUICK, repeat=10.0), hands) as sink:
        put(sink)
        await eventually(lambda: sink.written == 1)
        put(sink)
        put(sink, denied("other"))
        await eventually(lambda: sink.written == 2)
        assert api.count("PATCH") == 2
        hands.now += 10
        await eventually(lambda: sink.written == 3)
    assert sorted(one["count"] for one in stored(api)) == [1, 2]


async def test_writes_are_limited(api: FakeApi, cluster: Cluster) -> None:
    hands = Hands()
    async with sinking(cluster, replace(QUICK, burst=2.0, rate=1.0), hands) as sink:
        for number in range(4):
            put(sink, denied(f"web-{number}"))
        await eventually(lambda: sink.written == 2)
        hands.now -= 100  # a clock that jumps back gives nothing
        await asyncio.sleep(0.05)
        assert api.count("PATCH") == 2
        hands.now += 200
        await eventually(lambda: sink.written == 4)


async def test_what_does_not_fit_is_counted(cluster: Cluster) -> None:
    sink = EventSink(cluster, "propylon-1", Hands(), replace(QUICK, waiting=2))
    for number in range(5):
        put(sink, denied(f"web-{number}"))
    put(sink, denied("web-0"))
    assert sink.dropped == 3


async def test_old_series_are_forgotten(api: FakeApi, cluster: Cluster) -> None:
    hands = Hands()
    async with sinking(cluster, replace(QUICK, remembered=1), hands) as sink:
        for number, name in enumerate(("a", "b", "a"), 1):
            hands.now += 1
            put(sink, denied(name))
            await eventually(partial(is_written, sink, number))
    assert len(stored(api)) == 3


async def test_a_missing_right_is_said_once_and_drops(
    api: FakeApi, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    answer = forbidden("events is forbidden")
    api.fail("/events/", answer, answer)
    async with sinking(cluster) as sink:
        put(sink)
        await eventually(lambda: sink.dropped == 1)
        assert "events is forbidden" in sink.problem
        api.failures["/events/"] = deque([answer])
        put(sink)
        await eventually(lambda: sink.dropped == 2)
        api.failures.clear()
        put(sink)
        await eventually(lambda: sink.written == 1)
    assert sink.problem == ""
    assert len([one for one in caplog.records if one.message == "Events are not written"]) == 1


async def test_a_passing_failure_is_tried_again(api: FakeApi, cluster: Cluster) -> None:
    api.fail("/events/", Failure(503), Failure(200, None), Failure(429))
    async with sinking(cluster) as sink:
        put(sink)
        await eventually(lambda: sink.written == 1)
    assert sink.dropped == 0
    (event,) = stored(api)
    assert event["count"] == 1


async def test_what_happens_while_a_write_fails_is_counted(api: FakeApi, cluster: Cluster) -> None:
    api.fail("/events/", Failure(503))
    sink = EventSink(cluster, "propylon-1", Hands(), QUICK)
    put(sink)
    writing = asyncio.create_task(sink._write_due())
    await asyncio.sleep(0)  # the write has begun
    put(sink)
    await writing
    await sink._write_due()
    (event,) = stored(api)
    assert event["count"] == 2


async def test_it_gives_up_after_a_while(api: FakeApi, cluster: Cluster) -> None:
    api.fail("/events/", *[Failure(500)] * 2)
    async with sinking(cluster, replace(QUICK, attempts=2)) as sink:
        put(sink)
        await eventually(lambda: sink.dropped == 1)
    assert stored(api) == []
