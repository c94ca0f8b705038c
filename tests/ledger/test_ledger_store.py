"""The ledger against real databases: SQLite always, PostgreSQL where its server is installed."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.edge.fake_api import eventually, task_running
from webhook.ledger.queries import Filter, find_checkpoints, find_records, find_text, verify
from webhook.ledger.records import Record
from webhook.ledger.retention import keep_pruned, prune
from webhook.ledger.sink import FailuresOnly, LedgerSink
from webhook.ledger.store import Ledger, LedgerError, change_tables, engine_for, migrate
from webhook.ledger.tables import METADATA, RECORDS
from webhook.model import (
    AdmissionRequest,
    Decision,
    GroupVersionKind,
    GroupVersionResource,
    Registration,
    UserInfo,
    Violation,
)

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of this test run; as root it runs as the user postgres.

    Not below pytest's folder: that one is closed to other users.
    """
    if not SERVERS:
        pytest.skip("PostgreSQL's server is not installed (package postgresql)")
    folder, port = Path(tempfile.mkdtemp(prefix="propylon-postgresql-")), _free_port()
    as_user: list[str | Path] = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    binaries = SERVERS[-1].parent
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", folder / "data", "-U", "propylon", "-A", "trust"],
        check=True,
        capture_output=True,
    )
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    start: list[str | Path] = [*as_user, binaries / "pg_ctl", "-D", folder / "data", "-o", options]
    subprocess.run([*start, "-w", "-l", folder / "log", "start"], check=True, capture_output=True)
    yield f"postgresql+psycopg://propylon@127.0.0.1:{port}/postgres"
    subprocess.run([*start, "-m", "immediate", "stop"], check=True, capture_output=True)
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/ledger.db"
    else:
        url = request.getfixturevalue("postgresql")
    engine = engine_for(url)
    yield engine
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
        await connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    await engine.dispose()


def record(sequence: int, **fields: Any) -> Record:
    return Record(sequence, **{"time": 1000.0 + sequence, "outcome": "denied", **fields})


async def opened(engine: AsyncEngine, replica: str = "propylon-0") -> Ledger:
    ledger = Ledger(engine, replica)
    await ledger.open(1000.0)
    return ledger


async def test_migrations_make_exactly_the_tables(engine: AsyncEngine) -> None:
    await opened(engine)

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrations_can_be_taken_back(engine: AsyncEngine) -> None:
    await opened(engine)
    async with engine.begin() as connection:
        await connection.run_sync(change_tables, command.downgrade, "base")
        tables = await connection.run_sync(lambda one: inspect(one).get_table_names())
    assert tables == ["alembic_version"]
    await migrate(engine)


async def test_records_come_back_newest_first(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    await ledger.append([record(1, message="a\x00\u00e9"), record(2, latency_ms=0.1)])
    found = await find_records(engine, Filter())
    assert [one["sequence"] for one in found] == [2, 1]
    assert found[1]["message"] == "a\ufffd\u00e9"
    assert found[0]["replica"] == "propylon-0"


FILTERS: dict[str, tuple[Filter, list[int]]] = {
    "denials": (Filter(), [4, 2, 1]),
    "all": (Filter(outcomes=("denied", "warned")), [4, 3, 2, 1]),
    "since": (Filter(since=1002.0), [4, 2]),
    "until": (Filter(until=1002.0), [1]),
    "namespace": (Filter(namespace="shop"), [2]),
    "user": (Filter(username="bob"), [4]),
    "policy": (Filter(policy="tags"), [2, 1]),
    "limit": (Filter(limit=1), [4]),
    "nothing": (Filter(namespace="' OR 1=1 --"), []),
}


@pytest.mark.parametrize(("wanted", "expected"), FILTERS.values(), ids=FILTERS)
async def test_filters(engine: AsyncEngine, wanted: Filter, expected: list[int]) -> None:
    ledger = await opened(engine)
    await ledger.append(
        [
            record(1, policies=("tags", "labels")),
            record(2, policies=("tags",), namespace="shop"),
            record(3, outcome="warned"),
            record(4, username="bob"),
        ]
    )
    assert [one["sequence"] for one in await find_records(engine, wanted)] == expected


async def test_texts_are_kept_once_by_digest(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    await ledger.keep_texts("d1", {"P/a": "one", "P/b": "one"})
    await ledger.keep_texts("d2", {"P/a": "two", "P/b": "one"})
    await ledger.keep_texts("d2", {"P/a": "two", "P/b": "one"})
    await ledger.keep_texts("d3", {})
    assert await find_text(engine, "d1", "P/a") == "one"
    assert await find_text(engine, "d2", "P/a") == "two"
    assert await find_text(engine, "d3", "P/a") is None


async def test_a_whole_chain_has_no_break(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    await ledger.append([record(1)])
    head = ledger.head
    await ledger.close(record(2, outcome="stop"))
    again = await opened(engine)
    start = await find_records(engine, Filter(outcomes=("start",)))
    assert head != ledger.head
    assert any(ledger.head in one["message"] for one in start)
    await again.close(record(1, outcome="stop"))
    assert await verify(engine) == []


TAMPERINGS: dict[str, tuple[Any, str]] = {
    "changed": (
        update(RECORDS).where(RECORDS.c.sequence == 1).values(content={"message": "other"}),
        "the record or one before it was changed",
    ),
    "removed": (delete(RECORDS).where(RECORDS.c.sequence == 1), "1 records before it are missing"),
    "end cut off": (
        delete(RECORDS).where(RECORDS.c.sequence >= 2),
        "the chain has no stop record: still running, or a possible loss",
    ),
}


@pytest.mark.parametrize(("tampering", "expected"), TAMPERINGS.values(), ids=TAMPERINGS)
async def test_tampering_shows(engine: AsyncEngine, tampering: Any, expected: str) -> None:
    ledger = await opened(engine)
    await ledger.append([record(1), record(2)])
    await ledger.close(record(3, outcome="stop"))
    async with engine.begin() as connection:
        await connection.execute(tampering)
    assert [one.message for one in await verify(engine)] == [expected]


POD = {"metadata": {"name": "web"}}
ASKED = AdmissionRequest(
    uid="u",
    kind=GroupVersionKind("", "v1", "Pod"),
    resource=GroupVersionResource("", "v1", "pods"),
    operation="CREATE",
    object=POD,
    user_info=UserInfo("alice"),
)
ENTRY = Registration("policies.propylon.dev", "policies", mutating=False, stages=("policies",))
DENIED = Decision(False, "d", (Violation("p", "no", policy="tags"),), POD, message="no")
ALLOWED = Decision(True, "d", object_after=POD)


async def test_sink_writes_what_is_worth_a_record(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    sink = LedgerSink(ledger, lambda: 2000.0)
    writing = asyncio.create_task(sink.run())
    for _ in range(600):
        sink.put_nowait(ASKED, ENTRY, DENIED, 0.001)
        sink.put_nowait(ASKED, ENTRY, ALLOWED, 0.001)
    await sink.close()
    writing.cancel()
    assert len(await find_records(engine, Filter())) == 600
    assert await verify(engine) == []


async def test_full_queue_drops_and_the_chain_shows_it(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    sink = LedgerSink(ledger, lambda: 2000.0, size=2)
    for _ in range(5):
        sink.put_nowait(ASKED, ENTRY, DENIED, 0.001)
    writing = asyncio.create_task(sink.run())
    await sink.close()
    writing.cancel()
    assert sink.dropped == 3
    assert [one.message for one in await verify(engine)] == ["3 records before it are missing"]


async def test_sink_tries_again_until_the_database_takes_it(tmp_path: Path) -> None:
    engine = engine_for(f"sqlite+aiosqlite:///{tmp_path}/ledger.db")
    ledger = await opened(engine)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE records RENAME TO away"))
    sink = LedgerSink(ledger, lambda: 2000.0)
    writing = asyncio.create_task(sink.run())
    sink.put_nowait(ASKED, ENTRY, DENIED, 0.001)
    with pytest.raises(LedgerError):
        await ledger.append([record(9)])
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO records"))
    await sink.close()
    writing.cancel()
    assert await verify(engine) == []
    await engine.dispose()


async def test_a_kept_decision_is_stored_before_it_is_answered(engine: AsyncEngine) -> None:
    sink = LedgerSink(await opened(engine), lambda: 1000.0)
    async with task_running(sink.run()):
        await sink.keep(ASKED, ENTRY, DENIED, 0.001)
        assert len(await find_records(engine, Filter())) == 1
        await sink.keep(ASKED, ENTRY, ALLOWED, 0.001)
    assert len(await find_records(engine, Filter())) == 1


async def test_what_is_not_stored_in_time_is_an_error(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhook.ledger.sink.KEEP_SECONDS", 0.01)
    sink = LedgerSink(await opened(engine), lambda: 1000.0, size=1)
    with pytest.raises(TimeoutError):  # nobody writes
        await sink.keep(ASKED, ENTRY, DENIED, 0.001)
    with pytest.raises(asyncio.QueueFull):
        await sink.keep(ASKED, ENTRY, DENIED, 0.001)
    assert sink.dropped == 1


async def test_failures_are_recorded_where_all_else_is_kept(engine: AsyncEngine) -> None:
    sink = LedgerSink(await opened(engine), lambda: 1000.0)
    failures = FailuresOnly(sink)
    failures.put_nowait(ASKED, ENTRY, DENIED, 0.001)
    failures.put_nowait(ASKED, ENTRY, replace(DENIED, failed=True), 0.001)
    async with task_running(sink.run()):
        await sink.flush()
    assert await find_records(engine, Filter()) == []
    (found,) = await find_records(engine, Filter(outcomes=("failed",)))
    assert found["outcome"] == "failed"


async def rows_of(engine: AsyncEngine) -> list[tuple[int, str]]:
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(RECORDS.c.sequence, RECORDS.c.outcome).order_by(RECORDS.c.sequence)
        )
        return [(row.sequence, row.outcome) for row in rows]


async def test_old_records_go_and_the_chain_stays_whole(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    await ledger.append([record(number, policies=("tags",)) for number in range(1, 6)])
    assert await prune(engine, 1003.5) == 3
    assert await rows_of(engine) == [(3, "checkpoint"), (4, "denied"), (5, "denied")]
    assert [one["sequence"] for one in await find_records(engine, Filter(policy="tags"))] == [5, 4]
    assert await prune(engine, 1003.5) == 0
    (checkpoint,) = await find_checkpoints(engine)
    assert checkpoint.message == "4 records until 1970-01-01T00:16:43Z were removed"
    await ledger.append([record(6)])
    await ledger.append([record(7, outcome="stop")])
    assert await verify(engine) == []
    assert await prune(engine, 1005.5) == 2
    assert await rows_of(engine) == [(5, "checkpoint"), (6, "denied"), (7, "stop")]
    assert await verify(engine) == []


async def test_change_behind_a_checkpoint_is_found(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    await ledger.append([record(1), record(2), record(3, outcome="stop")])
    await prune(engine, 1001.5)
    async with engine.begin() as connection:
        await connection.execute(delete(RECORDS).where(RECORDS.c.sequence == 2))
    assert [one.message for one in await verify(engine)] == ["1 records before it are missing"]


@pytest.mark.parametrize(("outcome", "is_whole"), [("stop", True), ("denied", False)])
async def test_a_chain_that_is_all_old_is_one_checkpoint(
    engine: AsyncEngine, outcome: str, is_whole: bool
) -> None:
    ledger = await opened(engine)
    await ledger.append([record(1), record(2, outcome=outcome)])
    assert await prune(engine, 5000.0) == 2
    assert await rows_of(engine) == [(2, "checkpoint")]
    assert (await verify(engine) == []) is is_whole


async def test_a_running_chain_goes_on_behind_its_checkpoint(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    await ledger.append([record(1)])
    await prune(engine, 5000.0)
    await ledger.append([record(2), record(3, outcome="stop")])
    assert await verify(engine) == []


async def test_nothing_old_is_nothing_to_do(engine: AsyncEngine) -> None:
    ledger = await opened(engine)
    await ledger.append([record(1)])
    assert await prune(engine, 500.0) == 0
    assert await find_checkpoints(engine) == []


async def test_pruning_is_tried_again_and_again(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = await opened(engine)
    await ledger.append([record(1), record(2)])
    caplog.set_level("INFO", "webhook.ledger.retention")
    async with task_running(keep_pruned(engine, lambda: 1001.5, 0.0)):
        await eventually(lambda: bool(caplog.records))
    assert await rows_of(engine) == [(1, "checkpoint"), (2, "denied")]
    async with task_running(keep_pruned(engine, lambda: 1001.5, 0.0)):
        await asyncio.sleep(0.05)
    assert [one.message for one in caplog.records] == ["old records removed"]


async def test_a_failing_database_does_not_end_pruning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    empty = engine_for(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    async with task_running(keep_pruned(empty, lambda: 0.0, 1.0)):
        await eventually(lambda: bool(caplog.records))
    await empty.dispose()
    assert caplog.records[0].message == "old records were not removed"
