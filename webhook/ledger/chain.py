"""The hash chain over the records of one (replica, start): loss and change cannot hide.

Pure: each record's hash covers its content and the hash before it. `find_breaks` says where a
chain was changed, where numbers are missing, and which chain has no stop record. A chain whose old
records were removed begins with a checkpoint that keeps the hash of the last of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

CHECKPOINT = "checkpoint"
"""The outcome of a record that stands for those that were removed before it."""

GENESIS = "0" * 64
"""The hash before the first record."""


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that is wrong with a chain; `sequence` is the record where it shows."""

    replica: str
    start: str
    sequence: int
    message: str


def link(previous: str, content: Mapping[str, Any]) -> str:
    """Return the hash of a record: SHA-256 over the hash before it and its canonical JSON."""
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(previous.encode() + text).hexdigest()


def find_breaks(rows: Iterable[Mapping[str, Any]]) -> list[Break]:
    """Check rows (`replica`, `start`, `sequence`, `outcome`, `content`, `hash`), sorted by these."""
    chains: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        chains.setdefault((row["replica"], row["start"]), []).append(row)
    return [one for chain in chains.values() for one in _breaks_of(chain)]


def _breaks_of(chain: list[Mapping[str, Any]]) -> Iterable[Break]:
    previous_hash, expected = GENESIS, 0
    if chain[0]["outcome"] == CHECKPOINT:
        previous_hash, expected = chain[0]["hash"], chain[0]["sequence"] + 1
    for row in chain if expected == 0 else chain[1:]:
        place = (row["replica"], row["start"], row["sequence"])
        if row["sequence"] != expected:
            yield Break(*place, f"{row['sequence'] - expected} records before it are missing")
        elif link(previous_hash, row["content"]) != row["hash"]:
            yield Break(*place, "the record or one before it was changed")
        previous_hash, expected = row["hash"], row["sequence"] + 1
    last = chain[-1]
    if last["outcome"] != "stop" and not _was_stopped(last):
        place = (last["replica"], last["start"], last["sequence"])
        yield Break(*place, "the chain has no stop record: still running, or a possible loss")


def _was_stopped(row: Mapping[str, Any]) -> bool:
    return row["outcome"] == CHECKPOINT and row["content"].get("stopped") is True
