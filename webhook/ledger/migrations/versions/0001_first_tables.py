"""Create the tables of records, their policies, and the texts of documents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "records",
        sa.Column("replica", sa.String(253), primary_key=True),
        sa.Column("start", sa.String(36), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("kind", sa.String(253), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("content", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("records_by_time", "records", ["time"])
    op.create_index("records_by_namespace", "records", ["namespace", "time"])
    op.create_table(
        "record_policies",
        sa.Column("replica", sa.String(253), primary_key=True),
        sa.Column("start", sa.String(36), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("policy", sa.String(253), primary_key=True),
    )
    op.create_table(
        "snapshot_documents",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("document", sa.String(512), primary_key=True),
        sa.Column("text_digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "document_texts",
        sa.Column("text_digest", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Remove all tables."""
    for name in ("document_texts", "snapshot_documents", "record_policies", "records"):
        op.drop_table(name)
