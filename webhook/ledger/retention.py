"""Take old records out of the ledger so that each chain stays verifiable (design.md 4).

Of each chain the records before a time go, but for the last of them: it becomes a checkpoint, which
keeps its place and its hash and says what was before it. Texts of documents stay: they are few.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from webhook.ledger.chain import CHECKPOINT
from webhook.ledger.store import LedgerError
from webhook.ledger.tables import RECORD_POLICIES, RECORDS

LOG = logging.getLogger(__name__)

DAY = 86_400.0
ROUND_SECONDS = 6 * 3600.0
"""So often it is looked for records that are too old."""


@dataclass(frozen=True, slots=True)
class _End:
    """The last record of a chain that is too old."""

    replica: str
    start: str
    sequence: int


async def prune(engine: AsyncEngine, before: float) -> int:
    """Remove what is older than a time (seconds since the epoch); return how many records went.

    Several replicas may do it at once. Raise LedgerError.
    """
    async with engine.connect() as connection:
        ends = await _ends(connection, before)
    count = 0
    for one in ends:
        async with engine.begin() as connection:
            count += await _prune_chain(connection, one)
    return count


async def _ends(connection: AsyncConnection, before: float) -> list[_End]:
    columns = RECORDS.c
    is_new = case((columns.time >= before, columns.sequence))
    chains = select(
        columns.replica,
        columns.start,
        func.min(is_new).label("kept"),
        func.max(columns.sequence).label("last"),
    ).group_by(columns.replica, columns.start)
    rows = await connection.execute(chains)
    ends = (_End(r.replica, r.start, r.last if r.kept is None else r.kept - 1) for r in rows)
    return [one for one in ends if one.sequence >= 0]


async def _prune_chain(connection: AsyncConnection, end: _End) -> int:
    """Turn the last old record into a checkpoint and remove those before it."""
    columns = RECORDS.c
    chain = and_(columns.replica == end.replica, columns.start == end.start)
    place = and_(chain, columns.sequence == end.sequence)
    row = (await connection.execute(select(RECORDS).where(place))).mappings().first()
    if row is None or row["outcome"] == CHECKPOINT:
        return 0
    blank = dict.fromkeys(("namespace", "username", "kind", "name", "digest"), "")
    changed = {"outcome": CHECKPOINT, "content": _checkpoint(dict(row)), **blank}
    await connection.execute(update(RECORDS).where(place).values(changed))
    about = RECORD_POLICIES.c
    gone = and_(about.replica == end.replica, about.start == end.start)
    await connection.execute(delete(RECORD_POLICIES).where(gone, about.sequence <= end.sequence))
    done = await connection.execute(delete(RECORDS).where(chain, columns.sequence < end.sequence))
    return int(done.rowcount)


def _checkpoint(row: Mapping[str, Any]) -> Mapping[str, Any]:
    until = datetime.fromtimestamp(row["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "sequence": row["sequence"],
        "time": row["time"],
        "outcome": CHECKPOINT,
        "message": f"{row['sequence'] + 1} records until {until} were removed",
        "stopped": row["outcome"] == "stop",
    }


async def keep_pruned(engine: AsyncEngine, clock: Callable[[], float], days: float) -> None:
    """Remove what is older than so many days, again and again; a failure waits for the next time."""
    while True:
        try:
            count = await prune(engine, clock() - days * DAY)
        except LedgerError as error:
            LOG.warning("old records were not removed", extra={"error": str(error)})
        else:
            if count:
                LOG.info("old records removed", extra={"records": count, "days": days})
        await asyncio.sleep(ROUND_SECONDS)
