"""Documents and facts from directories: the embedded default, no cluster needed.

`load_directory` reads once, `watch_directory` polls for changes; both leave the texts unparsed.
`load_objects` reads the objects of `--objects DIR` (see `objects.py` for the answers).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from operator import attrgetter
from pathlib import Path

from webhook.model import NOTHING, Document
from webhook.sources.objects import DirectoryResolver, collect_objects

TESTS = "tests.yaml"
"""The cases beside a shipped policy; not documents."""

POLL_SECONDS = 0.25

Stamp = tuple[int, int, int]
"""Modification time in ns, size and inode of a file."""


class SourceError(Exception):
    """A directory cannot be read; the text says which, why, and what to do."""


def load_directory(path: Path, known: Mapping[str, Document] = NOTHING) -> tuple[Document, ...]:
    """Return one Document for each `*.yaml` file below the directory, by path.

    `tests.yaml` and everything whose name starts with a dot are left out: a ConfigMap mounted as
    a volume keeps its versions in such folders. `known` are documents by their path that need not
    be read again. Raise SourceError when something cannot be read.
    """
    try:
        return tuple(_documents(path, known))
    except OSError as error:
        raise SourceError(_explain(path, error)) from error


async def watch_directory(
    path: Path, interval: float = POLL_SECONDS
) -> AsyncIterator[tuple[Document, ...]]:
    """Yield the documents now and after every change, for ever.

    A change counts when two polls in a row (`interval` in seconds) saw the same files: an editor
    in the middle of writing must not empty a document. An unreadable directory changes nothing.
    Only files that changed are read again.
    """
    stamps = await asyncio.to_thread(_stamps, path)
    documents = await asyncio.to_thread(load_directory, path)
    yield documents
    seen = stamps
    while True:
        await asyncio.sleep(interval)
        before, seen = seen, await asyncio.to_thread(_stamps, path)
        if seen is None or seen == stamps or seen != before:
            continue
        found = await asyncio.to_thread(_read_again, path, documents, stamps or {}, seen)
        if found is not None:
            stamps, documents = seen, found
            yield documents


def load_objects(path: Path) -> DirectoryResolver:
    """Return a resolver over the objects of any kind in a directory's `*.yaml` files.

    Raise SourceError with every broken text: facts that are half there would decide wrongly.
    """
    objects, errors = collect_objects(load_directory(path))
    if errors:
        lines = "\n".join(str(error) for error in errors)
        raise SourceError(f"{path} holds objects that cannot be read:\n{lines}")
    return DirectoryResolver(objects)


def readable(data: bytes) -> str:
    """Decode UTF-8; what is not UTF-8 becomes NUL, which the YAML parser refuses at its place."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode(errors="replace").replace("\ufffd", "\0")


def _documents(root: Path, known: Mapping[str, Document]) -> Iterator[Document]:
    for path, _ in _files(root):
        if path in known:
            yield known[path]
            continue
        file = Path(path)
        try:
            data, stat = file.read_bytes(), file.stat()
        except FileNotFoundError:
            continue  # gone between listing and reading: as if it had not been there
        yield Document(path, readable(data), f"{stat.st_mtime_ns}-{stat.st_size}")


def _files(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield path and entry of each file, by path.

    Path objects take ten times as long, and a thread that computes holds up the serving loop.
    """
    if not root.is_dir():
        raise NotADirectoryError(20, "no such directory")
    return _below(str(root), str(root / "x")[:-1])


def _below(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=attrgetter("name"))
    for entry in entries:
        path = prefix + entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            with suppress(PermissionError):
                yield from _below(path, f"{path}/")
        elif entry.name.endswith(".yaml") and entry.name != TESTS and entry.is_file():
            yield path, entry


def _stamps(root: Path) -> Mapping[str, Stamp] | None:
    """Describe the files without reading them; None when that is impossible at the moment."""
    try:
        stats = {path: entry.stat() for path, entry in _files(root)}
    except OSError:
        return None
    return {path: (one.st_mtime_ns, one.st_size, one.st_ino) for path, one in stats.items()}


def _read_again(
    root: Path,
    documents: tuple[Document, ...],
    before: Mapping[str, Stamp],
    now: Mapping[str, Stamp],
) -> tuple[Document, ...] | None:
    """Return all documents; those whose files are as before are not read."""
    unchanged = {path for path, stamp in now.items() if stamp == before.get(path)}
    known = {one.origin: one for one in documents if one.origin in unchanged}
    try:
        return load_directory(root, known)
    except SourceError:
        return None


def _explain(path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    where = error.filename or path
    return f"{where}: {reason}; give an existing directory whose *.yaml files can be read"
