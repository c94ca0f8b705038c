"""The tables of the ledger; `migrations/` brings a database to this shape."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Double, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData()

_JSON = JSON().with_variant(JSONB(), "postgresql")

RECORDS = Table(
    "records",
    METADATA,
    Column("replica", String(253), primary_key=True),
    Column("start", String(36), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("time", Double, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("namespace", String(253), nullable=False),
    Column("username", Text, nullable=False),
    Column("kind", String(253), nullable=False),
    Column("name", String(253), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("content", _JSON, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("records_by_time", "time"),
    Index("records_by_namespace", "namespace", "time"),
)
"""One row for each record; `content` is the whole record, the other columns are for filters."""

RECORD_POLICIES = Table(
    "record_policies",
    METADATA,
    Column("replica", String(253), primary_key=True),
    Column("start", String(36), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("policy", String(253), primary_key=True),
)
"""Which documents a record is about."""

SNAPSHOT_DOCUMENTS = Table(
    "snapshot_documents",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("document", String(512), primary_key=True),
    Column("text_digest", String(64), nullable=False),
)
"""Which documents were in force under a snapshot digest."""

DOCUMENT_TEXTS = Table(
    "document_texts",
    METADATA,
    Column("text_digest", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)
"""The text of each document, once."""
