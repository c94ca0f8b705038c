"""The ledger against real databases: SQLite always, PostgreSQL where its server is installed."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, inspect, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from webhook.ledger.queries import Filter, find_records, find_text, verify
from webhook.ledger.records import Record
from webhook.ledger.sink import LedgerSink
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
