"""Write the ledger: batches of records, document texts, start and stop of a chain.

One writer for each (replica, start); several replicas may share one PostgreSQL database.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Table, desc, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from webhook.ledger.chain import GENESIS, link
from webhook.ledger.records import Record
from webhook.ledger.tables import DOCUMENT_TEXTS, RECORD_POLICIES, RECORDS, SNAPSHOT_DOCUMENTS

LedgerError = SQLAlchemyError
"""What reading or writing raises when the database does not do its part."""


TEXTS_AT_ONCE = 50
"""The serving loop does the rest of its work between two such pieces."""


def engine_for(url: str) -> AsyncEngine:
    """Return an engine for `sqlite+aiosqlite:///FILE` or `postgresql+psycopg://...`."""
    return create_async_engine(url)


async def migrate(engine: AsyncEngine) -> None:
    """Bring the database to the present tables."""
    async with engine.begin() as connection:
        await connection.run_sync(change_tables, command.upgrade, "head")


def change_tables(
    connection: Connection, change: Callable[[Config, str], None], revision: str
) -> None:
    """Run an Alembic command (`upgrade`, `downgrade`) on this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    change(config, revision)


class Ledger:
    """The open ledger of one run of one replica.

    `head` is the hash of the last record written, `replica` the name of this process.
    """

    def __init__(self, engine: AsyncEngine, replica: str) -> None:
        self.engine = engine
        self.replica = replica
        self.start = str(uuid.uuid4())
        self.head = GENESIS

    async def open(self, time: float) -> None:
        """Migrate the database and write the start record, which names the previous head."""
        await migrate(self.engine)
        async with self.engine.connect() as connection:
            previous = await self._previous_head(connection)
        await self.append([Record(0, time, "start", message=f"previous head {previous}")])

    async def _previous_head(self, connection: AsyncConnection) -> str:
        newest = (
            select(RECORDS.c.hash)
            .where(RECORDS.c.replica == self.replica)
            .order_by(desc(RECORDS.c.time), desc(RECORDS.c.sequence))
            .limit(1)
        )
        return (await connection.execute(newest)).scalar() or GENESIS

    async def append(self, records: Sequence[Record]) -> None:
        """Write records, in order of their numbers, in one transaction; raise LedgerError."""
        head, rows = self.head, []
        for record in records:
            content = record.content()
            head = link(head, content)
            rows.append(self._row(record, content, head))
        policies = [self._policy_row(one, name) for one in records for name in one.policies]
        async with self.engine.begin() as connection:
            await connection.execute(RECORDS.insert(), rows)
            if policies:
                await connection.execute(RECORD_POLICIES.insert(), policies)
        self.head = head

    def _row(self, record: Record, content: Mapping[str, Any], hash_text: str) -> dict[str, Any]:
        return {
            **self._place(record),
            "time": record.time,
            "outcome": record.outcome,
            "namespace": record.namespace,
            "username": record.username,
            "kind": record.kind,
            "name": record.name,
            "digest": record.digest,
            "content": content,
            "hash": hash_text,
        }

    def _place(self, record: Record) -> dict[str, Any]:
        return {"replica": self.replica, "start": self.start, "sequence": record.sequence}

    def _policy_row(self, record: Record, policy: str) -> dict[str, Any]:
        return {**self._place(record), "policy": policy}

    async def keep_texts(self, digest: str, texts: Mapping[str, str]) -> None:
        """Store what was in force under a snapshot digest; a text is stored once."""
        everything = list(texts.items())
        async with self.engine.begin() as connection:
            for start in range(0, len(everything), TEXTS_AT_ONCE):
                await _keep(connection, digest, everything[start : start + TEXTS_AT_ONCE])

    async def close(self, record: Record) -> None:
        """Write the stop record and let go of the database."""
        await self.append([record])
        await self.engine.dispose()


async def _keep(connection: AsyncConnection, digest: str, texts: Sequence[tuple[str, str]]) -> None:
    digests = [hashlib.sha256(text.encode()).hexdigest() for _, text in texts]
    by_digest = dict(zip(digests, (text for _, text in texts), strict=True))
    text_rows = [{"text_digest": one, "text": text} for one, text in by_digest.items()]
    rows = [
        {"digest": digest, "document": name, "text_digest": one}
        for (name, _), one in zip(texts, digests, strict=True)
    ]
    await _insert_missing(connection, DOCUMENT_TEXTS, text_rows)
    await _insert_missing(connection, SNAPSHOT_DOCUMENTS, rows)


async def _insert_missing(
    connection: AsyncConnection, table: Table, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Insert rows, leaving alone what another replica wrote already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    await connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))
