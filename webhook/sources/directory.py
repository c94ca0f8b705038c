"""Documents and facts from directories: the embedded default, no cluster needed.

`load_directory` reads once, `watch_directory` polls for changes; both leave the texts unparsed.
`load_objects` reads the objects of `--objects DIR` (see `objects.py` for the answers).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from webhook.model import Document
from webhook.sources.objects import DirectoryResolver, collect_objects

TESTS = "tests.yaml"
"""The cases beside a shipped policy; not documents."""

POLL_SECONDS = 0.25

Stamp = tuple[tuple[str, int, int, int], ...]
"""Path, modification time in ns, size and inode of every file, by path."""


class SourceError(Exception):
    """A directory cannot be read; the text says which, why, and what to do."""


def load_directory(path: Path) -> tuple[Document, ...]:
    """Return one Document for each `*.yaml` file below the directory, by path.

    `tests.yaml` and everything whose name starts with a dot are left out: a ConfigMap mounted as
    a volume keeps its versions in such folders. Raise SourceError when it cannot be read.
    """
    try:
        return tuple(_documents(path))
    except OSError as error:
        raise SourceError(_explain(path, error)) from error


async def watch_directory(
    path: Path, interval: float = POLL_SECONDS
) -> AsyncIterator[tuple[Document, ...]]:
    """Yield the documents now and after every change, for ever.

    A change counts when two polls in a row (`interval` in seconds) saw the same files: an editor
    in the middle of writing must not empty a document. An unreadable directory changes nothing.
    """
    stamp = await asyncio.to_thread(_stamp, path)
    yield await asyncio.to_thread(load_directory, path)
    seen = stamp
    while True:
        await asyncio.sleep(interval)
        before, seen = seen, await asyncio.to_thread(_stamp, path)
        if seen in (stamp, None) or seen != before:
            continue
        documents = await asyncio.to_thread(_read_again, path)
        if documents is not None:
            stamp = seen
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


def _documents(root: Path) -> Iterator[Document]:
    for path in _files(root):
        try:
            data, stat = path.read_bytes(), path.stat()
        except FileNotFoundError:
            continue  # gone between listing and reading: as if it had not been there
        yield Document(str(path), readable(data), f"{stat.st_mtime_ns}-{stat.st_size}")


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        raise NotADirectoryError(20, "no such directory")
    found = (path for path in root.rglob("*.yaml") if path.name != TESTS and path.is_file())
    return sorted(path for path in found if not _is_hidden(path.relative_to(root)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _stamp(root: Path) -> Stamp | None:
    """Describe the files without reading them; None when that is impossible at the moment."""
    try:
        stats = [(str(path), path.stat()) for path in _files(root)]
    except OSError:
        return None
    return tuple((name, one.st_mtime_ns, one.st_size, one.st_ino) for name, one in stats)


def _read_again(root: Path) -> tuple[Document, ...] | None:
    try:
        return load_directory(root)
    except SourceError:
        return None


def _explain(path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    where = error.filename or path
    return f"{where}: {reason}; give an existing directory whose *.yaml files can be read"
