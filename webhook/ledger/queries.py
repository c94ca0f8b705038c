"""Questions to the ledger, for `propylon report` and the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, desc, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from webhook.ledger.chain import CHECKPOINT, Break, find_breaks
from webhook.ledger.tables import DOCUMENT_TEXTS, RECORD_POLICIES, RECORDS, SNAPSHOT_DOCUMENTS

PLACE = ("replica", "start", "sequence")
"""What tells one record from all others."""

PERMISSIONS = ("DeletionGrant", "PolicyException")
"""Documents whose uses are counted (platform-rules E.10)."""

LETTING_THROUGH = ("exempted", "overridden")
"""Outcomes of requests that such a document let through."""


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


@dataclass(frozen=True, slots=True)
class Uses:
    """How often a document let people through; `last` is in seconds since the epoch."""

    document: str
    count: int
    last: float
    last_user: str


async def count_uses(
    engine: AsyncEngine, since: float | None = None, until: float | None = None
) -> list[Uses]:
    """Return the uses of each DeletionGrant and PolicyException, by name."""
    about, columns = RECORD_POLICIES.c, RECORDS.c
    wanted = Filter(outcomes=LETTING_THROUGH, since=since, until=until)
    on = and_(*(getattr(about, key) == getattr(columns, key) for key in PLACE))
    joined = select(about.policy, columns.time, columns.username).join(RECORDS, on)
    named = or_(*(about.policy.startswith(f"{kind}/") for kind in PERMISSIONS))
    query = _restricted(joined.where(named), wanted).order_by(about.policy, columns.time)
    uses: dict[str, Uses] = {}
    async with engine.connect() as connection:
        async for policy, time, username in await connection.stream(query):
            before = uses[policy].count if policy in uses else 0
            uses[policy] = Uses(policy, before + 1, time, username)
    return list(uses.values())


async def find_text(engine: AsyncEngine, digest: str, document: str) -> str | None:
    """Return the text of `Kind/name` as it was in force under a snapshot digest."""
    query = (
        select(DOCUMENT_TEXTS.c.text)
        .join(SNAPSHOT_DOCUMENTS, SNAPSHOT_DOCUMENTS.c.text_digest == DOCUMENT_TEXTS.c.text_digest)
        .where(SNAPSHOT_DOCUMENTS.c.digest == digest, SNAPSHOT_DOCUMENTS.c.document == document)
    )
    async with engine.connect() as connection:
        return (await connection.execute(query)).scalar()


async def find_checkpoints(engine: AsyncEngine) -> list[Break]:
    """Return, for each chain whose old records were removed, where it begins now."""
    columns = RECORDS.c
    query = (
        select(RECORDS)
        .where(columns.outcome == CHECKPOINT)
        .order_by(columns.replica, columns.start, columns.sequence)
    )
    async with engine.connect() as connection:
        rows = await connection.execute(query)
        return [Break(r.replica, r.start, r.sequence, r.content["message"]) for r in rows]


async def verify(engine: AsyncEngine) -> list[Break]:
    """Check all chains; an empty list means: nothing was changed, nothing is missing."""
    columns = RECORDS.c
    in_order = select(RECORDS).order_by(columns.replica, columns.start, columns.sequence)
    async with engine.connect() as connection:
        rows = (await connection.execute(in_order)).mappings().all()
    return find_breaks([dict(row) for row in rows])
