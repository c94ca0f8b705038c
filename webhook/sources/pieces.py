"""The form in which accepted texts are stored: by digest, in pieces below the size limit.

Pure: texts in, pieces out, and back. `accepted.py` writes the pieces into ConfigMaps.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson

from webhook.model import Document
from webhook.snapshot import Snapshot, Source
from webhook.steps import Steps, finish

PIECE_BYTES = 300_000
"""An object may have 1 MiB, and writing a large one as JSON would hold up the serving loop."""

PART_CHARACTERS = 50_000
"""A text is cut into parts of at most this; a character has at most four bytes."""

UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON takes as they are and YAML does not."""


class DamagedError(Exception):
    """The stored texts are incomplete."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What one source brought into force: its origin, the names of the documents, their text.

    `text` is None when the store has lost it.
    """

    origin: str
    names: tuple[str, ...]
    text: str | None


@dataclass(frozen=True, slots=True)
class Packed:
    """Stored sources as data of ConfigMaps: the index's parts, and all pieces by their name."""

    index: tuple[str, ...]
    pieces: Mapping[str, Mapping[str, str]]


def stored_sources(snapshot: Snapshot) -> tuple[Stored, ...]:
    """Return what is in force, source by source; sources without any document are left out."""
    return finish(stored_sources_in_steps(snapshot))


def stored_sources_in_steps(snapshot: Snapshot) -> Steps[tuple[Stored, ...]]:
    """Do as `stored_sources`, and pause after each source."""
    in_force = {id(item) for item in snapshot.items}
    found: list[Stored] = []
    for source in snapshot.sources:
        texts = _texts(source, in_force)
        if texts:
            text = "\n---\n".join(texts.values())
            found.append(Stored(source.document.origin, tuple(texts), text))
        yield
    return tuple(found)


def restored_documents(stored: Iterable[Stored]) -> tuple[Document, ...]:
    """Return the documents from which the snapshot before the restart is built again."""
    return tuple(Document(one.origin, one.text, "stored") for one in stored if one.text is not None)


def missing_documents(stored: Iterable[Stored], snapshot: Snapshot) -> tuple[str, ...]:
    """Name the documents that were in force, are broken now, and could not be had back."""
    broken = {error.origin for error in snapshot.errors}
    present = {f"{item.kind}/{item.name}" for item in snapshot.items}
    return tuple(
        f"{name} ({one.origin})"
        for one in stored
        if one.origin in broken
        for name in one.names
        if name not in present
    )


def pack(stored: Iterable[Stored]) -> Packed:
    """Cut everything into parts named by their digest, and put these into pieces."""
    return finish(pack_in_steps(stored))


def pack_in_steps(stored: Iterable[Stored]) -> Steps[Packed]:
    """Do as `pack`, and pause after each source and each piece."""
    parts: dict[str, str] = {}
    entries = []
    for one in stored:
        cut = _cut(one.text or "", parts)
        entries.append({"origin": one.origin, "names": one.names, "parts": cut})
        yield
    index = _cut(orjson.dumps(entries).decode(), parts)
    yield
    pieces: dict[str, dict[str, str]] = {}
    for digests in _group(0, sorted(parts), parts):
        pieces[_digest("".join(digests))] = {digest: parts[digest] for digest in digests}
        yield
    return Packed(tuple(index), pieces)


def unpack(index: Iterable[str], parts: Mapping[str, str]) -> tuple[Stored, ...]:
    """Return what was packed; raise DamagedError when the index itself has a gap."""
    text = _join(index, parts)
    if text is None:
        raise DamagedError("parts of the index are missing")
    return tuple(_stored(entry, parts) for entry in orjson.loads(text))


def _texts(source: Source, in_force: AbstractSet[int]) -> dict[str, str]:
    """Return the texts of a source's documents, but for refused duplicates."""
    items = (one.item for one in source.accepted if id(one.item) in in_force)
    return {f"{item.kind}/{item.name}": _safe(item.text) for item in items}


def _safe(text: str) -> str:
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _stored(entry: dict[str, Any], parts: Mapping[str, str]) -> Stored:
    return Stored(entry["origin"], tuple(entry["names"]), _join(entry["parts"], parts))


def _cut(text: str, parts: dict[str, str]) -> list[str]:
    digests = []
    for start in range(0, len(text), PART_CHARACTERS):
        part = text[start : start + PART_CHARACTERS]
        digest = _digest(part)
        parts[digest] = part
        digests.append(digest)
    return digests


def _join(digests: Iterable[str], parts: Mapping[str, str]) -> str | None:
    found = [parts.get(digest) for digest in digests]
    return None if None in found else "".join(part for part in found if part is not None)


def _group(known: int, digests: list[str], parts: Mapping[str, str]) -> Iterator[list[str]]:
    """Group parts by the first digits of their digest: a change touches few groups.

    The digests are in order, and so many digits of them are the same.
    """
    if sum(len(parts[digest].encode()) for digest in digests) <= PIECE_BYTES or len(digests) == 1:
        yield digests
        return
    for _, same in groupby(digests, key=lambda digest: digest[: known + 1]):
        yield from _group(known + 1, list(same), parts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
