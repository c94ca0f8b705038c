"""Questions to the ledger, for `propylon report` and the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, desc, select
from sqlalchemy.ext.asyncio import AsyncEngine

from webhook.ledger.chain import Break, find_breaks
from webhook.ledger.tables import DOCUMENT_TEXTS, RECORD_POLICIES, RECORDS, SNAPSHOT_DOCUMENTS


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are asked for; empty fields do not restrict.

    `since` and `until` are in seconds since the epoch.
    """

    outcomes: Sequence[str] = ("denied",)
    since: float | None = None
    until: float | None = None
    namespace: str = ""
    policy: str = ""
    username: str = ""
    limit: int = 1000


async def find_records(engine: AsyncEngine, wanted: Filter) -> list[dict[str, Any]]:
    """Return the contents of matching records, the newest first, with replica and start."""
    query = _restricted(select(RECORDS), wanted)
    newest_first = query.order_by(desc(RECORDS.c.time), desc(RECORDS.c.sequence))
    async with engine.connect() as connection:
        rows = await connection.execute(newest_first.limit(wanted.limit))
        return [{**row.content, "replica": row.replica, "start": row.start} for row in rows]


def _restricted(query: Select[Any], wanted: Filter) -> Select[Any]:
    columns = RECORDS.c
    query = query.where(columns.outcome.in_(wanted.outcomes))
    if wanted.since is not None:
        query = query.where(columns.time >= wanted.since)
    if wanted.until is not None:
        query = query.where(columns.time < wanted.until)
    if wanted.namespace:
        query = query.where(columns.namespace == wanted.namespace)
    if wanted.username:
        query = query.where(columns.username == wanted.username)
    if wanted.policy:
        query = query.where(_is_about(wanted.policy))
    return query


def _is_about(policy: str) -> Any:
    about, columns = RECORD_POLICIES.c, RECORDS.c
    return (
        select(about.policy)
        .where(
            and_(
                about.replica == columns.replica,
                about.start == columns.start,
                about.sequence == columns.sequence,
                about.policy == policy,
            )
        )
        .exists()
    )


async def find_text(engine: AsyncEngine, digest: str, document: str) -> str | None:
    """Return the text of `Kind/name` as it was in force under a snapshot digest."""
    query = (
        select(DOCUMENT_TEXTS.c.text)
        .join(SNAPSHOT_DOCUMENTS, SNAPSHOT_DOCUMENTS.c.text_digest == DOCUMENT_TEXTS.c.text_digest)
        .where(SNAPSHOT_DOCUMENTS.c.digest == digest, SNAPSHOT_DOCUMENTS.c.document == document)
    )
    async with engine.connect() as connection:
        return (await connection.execute(query)).scalar()


async def verify(engine: AsyncEngine) -> list[Break]:
    """Check all chains; an empty list means: nothing was changed, nothing is missing."""
    columns = RECORDS.c
    in_order = select(RECORDS).order_by(columns.replica, columns.start, columns.sequence)
    async with engine.connect() as connection:
        rows = (await connection.execute(in_order)).mappings().all()
    return find_breaks([dict(row) for row in rows])
