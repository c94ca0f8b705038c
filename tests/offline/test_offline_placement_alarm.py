"""The alarm about replicas that run together: metrics, log lines, and what cannot be looked at."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests.edge.fake_api import eventually, task_running
from webhook.cluster.client import ClusterError
from webhook.model import Platform
from webhook.offline.placement_alarm import Alarm, keep_looking
from webhook.offline.placements import Wanted, needed_rights
from webhook.rules.spread.placement import Placement
from webhook.sources.survey import Survey

WEB = Placement("Deployment", "apps", "shop", "web", "standard", {"n0": 3, "n1": 1}, {})
TOGETHER = replace(WEB, broken=("hostname: 3 on n0",), pending=("web-9",))
COMPONENT = Path(__file__).parents[2] / "manifests" / "components" / "placement"


def read(url: str) -> bytes:
    with urlopen(url) as answer:
        page: bytes = answer.read()
    return page


class Looks:
    """Answers looks one after another."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    async def __call__(self) -> Survey:
        found = self._answers.pop(0)
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Survey)
        return found


async def looked(*answers: Any) -> Alarm:
    alarm, looks = Alarm(lambda: 1000.0), Looks(*answers)
    for _ in answers:
        await alarm.look(looks)
    return alarm


def samples(alarm: Alarm) -> dict[str, float]:
    lines = [line for line in alarm.text().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_metrics_name_what_is_not_as_expected() -> None:
    alarm = await looked(Survey((TOGETHER, replace(WEB, name="api")), ("no clonesets",)))
    labels = '{kind="Deployment",name="web",namespace="shop",tier="standard"}'
    assert samples(alarm) == {
        f"propylon_co_located_replicas{labels}": 2,
        f"propylon_pending_replicas{labels}": 1,
        "propylon_placement_workloads": 2,
        "propylon_placement_alarming_workloads": 1,
        "propylon_placement_problems": 1,
        "propylon_placement_timestamp_seconds": 1000,
    }


async def test_the_log_tells_what_began_changed_and_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    other = replace(TOGETHER, broken=("zone: 3 on z0",))
    again = [Survey((one,), ("no clonesets",)) for one in (TOGETHER, TOGETHER, other, WEB)]
    await looked(*again)
    assert [record.message for record in caplog.records] == [
        "not placed as expected",
        "not looked at",
        "not placed as expected",
        "placed as expected again, or gone",
    ]
    assert vars(caplog.records[0])["broken"] == ["hostname: 3 on n0"]


async def test_what_fails_once_is_a_problem_until_it_works() -> None:
    alarm = await looked(ClusterError("no answer"))
    assert alarm.problem == "no answer"
    assert (await looked(ClusterError("no answer"), Survey(()))).problem == ""


async def test_it_serves_metrics_and_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    wanted = Wanted(tmp_path / "policies", tmp_path / "policies")
    told: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(str(vars(record).get("health_port", record.getMessage())))

    handler, logger = Handler(), logging.getLogger("propylon.placement")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        async with task_running(keep_looking(wanted, 60.0, "127.0.0.1", 0)):
            await eventually(lambda: "nothing could be looked at" in told)
            page = await asyncio.to_thread(read, f"http://127.0.0.1:{told[0]}/metrics")
            assert b"propylon_placement_workloads 0.0" in page
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def test_the_component_has_the_rights_that_are_needed() -> None:
    shipped = list(yaml.safe_load_all((COMPONENT / "rbac.yaml").read_text()))
    rules = {one["kind"]: one["rules"] for one in shipped if "rules" in one}
    needed = {one["kind"]: one["rules"] for one in needed_rights(Wanted(platform=Platform()))}
    assert rules == needed
