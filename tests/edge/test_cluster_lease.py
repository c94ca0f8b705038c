"""One holder at a time: taking, renewing, losing, giving back, and what the Lease announces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.edge.fake_api import Failure, FakeApi, Object, eventually, forbidden, task_running
from webhook.cluster.client import Cluster
from webhook.cluster.lag import UNREADY_SECONDS, Lag
from webhook.cluster.lease import DIGEST, Lease, Timing
from webhook.cluster.resources import LEASES

QUICK = Timing(duration=15.0, give_up=10.0, retry=0.01)
SYSTEM = "propylon-system"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(cluster: Cluster, clock: Clock) -> Callable[[str], Lease]:
    return lambda name: Lease(cluster, SYSTEM, name, timing=QUICK, clock=clock)


def stored(api: FakeApi) -> Object:
    return api.get(LEASES, SYSTEM, "propylon")


def holder(api: FakeApi) -> str:
    return str(stored(api)["spec"]["holderIdentity"]).partition("_")[0]


async def test_first_creates_and_renews(api: FakeApi, make: Callable[[str], Lease]) -> None:
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
        first = stored(api)
        assert first["spec"]["leaseDurationSeconds"] == 15
        assert first["spec"]["leaseTransitions"] == 0
        await eventually(lambda: api.count("PUT") > 1)
        renewed = stored(api)
        assert renewed["spec"]["renewTime"] > first["spec"]["renewTime"]
        assert renewed["spec"]["acquireTime"] == first["spec"]["acquireTime"]
    assert renewed["spec"]["leaseTransitions"] == 0
    assert holder(api) == ""


async def test_only_one_of_two_holds(api: FakeApi, make: Callable[[str], Lease]) -> None:
    one, other = make("a"), make("b")
    async with task_running(one.run(), other.run()):
        await eventually(lambda: one.held or other.held)
        reads = api.count("GET apis/coordination")
        await eventually(lambda: api.count("GET apis/coordination") > reads + 6)
        assert one.held is not other.held


async def test_loser_of_the_race_to_create_waits(
    api: FakeApi, make: Callable[[str], Lease]
) -> None:
    lease = make("a")
    raced = iter([True])

    def overtake(what: str, _value: Object) -> None:
        if what == "POST leases" and next(raced, False):
            api.put(LEASES, other_lease("b"))

    api.before_write = overtake
    async with task_running(lease.run()):
        await eventually(lambda: api.count("GET apis/coordination") > 2)
        assert not lease.held
        assert holder(api) == "b"


def other_lease(identity: str, **annotations: str) -> Object:
    return {
        "metadata": {"name": "propylon", "namespace": SYSTEM, "annotations": annotations},
        "spec": {"holderIdentity": identity, "leaseDurationSeconds": 20, "leaseTransitions": 3},
    }


async def test_lapsed_lease_is_taken(
    api: FakeApi, make: Callable[[str], Lease], clock: Clock
) -> None:
    """It lapses by our own clock, after the whole duration that its holder gave."""
    api.put(LEASES, other_lease("b"))
    lease = make("a")
    async with task_running(lease.run()):
        await eventually(lambda: api.count("GET apis/coordination") > 2)
        clock.now += 19
        reads = api.count("GET apis/coordination")
        await eventually(lambda: api.count("GET apis/coordination") > reads + 2)
        assert not lease.held
        clock.now += 2
        await lease.acquired()
        assert holder(api) == "a"
        assert stored(api)["spec"]["leaseTransitions"] == 4


async def test_lease_that_is_renewed_by_another_is_left(
    api: FakeApi, make: Callable[[str], Lease], clock: Clock
) -> None:
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
        await asyncio.sleep(0)
        api.put(LEASES, other_lease("b"))
        await eventually(lambda: not lease.held)
        assert holder(api) == "b"


async def test_holder_that_cannot_renew_stops_before_others_may_start(
    api: FakeApi, make: Callable[[str], Lease], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
        api.fail("leases", *[Failure(500)] * 1000)
        held = []
        for seconds in (QUICK.give_up - 0.1, 0.2):
            clock.now += seconds
            held.append(lease.held)
        assert held == [True, False]
        assert QUICK.give_up < QUICK.duration
        await eventually(lambda: "lease neither read nor renewed" in caplog.text)
        await eventually(lambda: "lease lost" in caplog.text)
        api.failures.clear()
        await lease.acquired()
    warnings = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert warnings.count("lease neither read nor renewed") == 1


async def test_loss_is_logged(
    api: FakeApi, make: Callable[[str], Lease], caplog: pytest.LogCaptureFixture
) -> None:
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
        api.put(LEASES, other_lease("b"))
        await eventually(lambda: "lease lost" in caplog.text)


async def test_conflict_is_settled_by_the_next_look(
    api: FakeApi, make: Callable[[str], Lease]
) -> None:
    api.fail("PUT apis/coordination", Failure(409, '{"kind": "Status", "message": "modified"}'))
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
        await eventually(lambda: api.count("PUT apis/coordination") > 2)
        assert lease.held


async def test_missing_rights_to_write_are_said(
    api: FakeApi, make: Callable[[str], Lease], caplog: pytest.LogCaptureFixture
) -> None:
    api.fail("POST apis/coordination", forbidden("cannot create leases"))
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
    reasons = [vars(one).get("reason", "") for one in caplog.records]
    assert any("cannot create leases; allow it" in one for one in reasons)


async def test_release_lets_the_next_start_at_once(
    api: FakeApi, make: Callable[[str], Lease]
) -> None:
    one, other = make("a"), make("b")
    async with task_running(one.run()):
        await one.acquired()
    async with task_running(other.run()):
        await other.acquired()
    assert stored(api)["spec"]["leaseTransitions"] == 1


async def test_release_leaves_the_lease_of_another(
    api: FakeApi, make: Callable[[str], Lease]
) -> None:
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
        api.fail("leases", *[Failure(500)] * 1000)
        api.put(LEASES, other_lease("b"))
        api.failures["leases"].clear()
        api.fail("PUT", *[Failure(500)] * 1000)
    assert holder(api) == "b"


async def test_release_does_not_wait_for_a_server_that_is_away(
    api: FakeApi, make: Callable[[str], Lease]
) -> None:
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
        api.fail("leases", *[forbidden("no")] * 1000)
    assert holder(api) == "a"


async def test_digest_is_announced_at_once(api: FakeApi, cluster: Cluster, clock: Clock) -> None:
    slow = Timing(retry=3600.0)
    holding = Lease(cluster, SYSTEM, "a", timing=slow, clock=clock)
    following = Lease(cluster, SYSTEM, "b", timing=QUICK, clock=clock)
    async with task_running(holding.run(), following.run()):
        await holding.acquired()
        holding.announce("d1")
        holding.announce("d1")
        await eventually(lambda: following.announced == "d1")
        assert stored(api)["metadata"]["annotations"] == {DIGEST: "d1"}


async def test_announced_digest_outlives_its_holder(
    api: FakeApi, make: Callable[[str], Lease]
) -> None:
    api.put(LEASES, other_lease("", **{DIGEST: "d1"}))
    lease = make("a")
    async with task_running(lease.run()):
        await lease.acquired()
        assert lease.announced == "d1"
        assert stored(api)["metadata"]["annotations"] == {DIGEST: "d1"}


LAGS: dict[str, tuple[list[tuple[float, str]], float]] = {
    "nothing announced": ([(0, ""), (100, "")], 0),
    "known digest": ([(0, "mine"), (100, "mine")], 0),
    "missing since the first look": ([(0, "new"), (59, "new")], 59),
    "behind several": ([(0, "new"), (30, "newer"), (30, "newest")], 60),
    "caught up": ([(0, "new"), (100, "mine")], 0),
    "behind again": ([(0, "new"), (100, "mine"), (5, "new"), (5, "new")], 5),
}


@pytest.mark.parametrize(("looks", "seconds"), LAGS.values(), ids=LAGS)
def test_lag_is_measured(looks: list[tuple[float, str]], seconds: float, clock: Clock) -> None:
    announced = ""
    lag = Lag(lambda: announced, lambda digest: digest == "mine", clock)
    found = 0.0
    for pause, digest in looks:
        clock.now += pause
        announced = digest
        found = lag.seconds()
    assert found == seconds
    assert lag.is_ready() is (seconds < UNREADY_SECONDS)
