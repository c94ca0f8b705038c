"""Documents from what a person names on the command line: files, directories, standard input.

A labelled ConfigMap stands for the documents that it publishes. Nothing is checked here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from webhook.documents import Item, parse_document
from webhook.model import Document
from webhook.publication import documents_of, publishes
from webhook.sources.directory import SourceError, load_directory, readable

STDIN = Path("-")
"""The path that means standard input."""


@dataclass(frozen=True, slots=True)
class Input:
    """One text with documents; `config_map` and `key` say where it lay, if it was in one."""

    document: Document
    config_map: Item | None = None
    key: str = ""


def read_inputs(paths: Iterable[Path], prefix: str = "propylon.dev") -> tuple[Input, ...]:
    """Return the texts at these paths, those inside of labelled ConfigMaps one by one.

    Raise SourceError when a path cannot be read.
    """
    return tuple(one for text in read_texts(paths) for one in _unwrap(text, prefix))


def read_documents(paths: Iterable[Path], prefix: str = "propylon.dev") -> tuple[Document, ...]:
    """Return the same texts as Documents; raise SourceError."""
    return tuple(one.document for one in read_inputs(paths, prefix))


def read_texts(paths: Iterable[Path]) -> Iterator[Document]:
    """Yield each file, each file of a directory, and standard input, as it is."""
    for path in paths:
        if path == STDIN:
            yield Document("<stdin>", readable(sys.stdin.buffer.read()))
        elif path.is_dir():
            yield from load_directory(path)
        else:
            yield Document(str(path), read_file(path))


def read_file(path: Path) -> str:
    """Return the text of one file; raise SourceError."""
    try:
        return readable(path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(
            f"{path}: {reason}; give a file, a directory, or - for standard input"
        ) from error


def _unwrap(document: Document, prefix: str) -> Iterator[Input]:
    """Yield the documents that a text publishes, or the text itself when it is no ConfigMap."""
    items = parse_document(document)[0] if "ConfigMap" in document.text else ()
    config_maps = [one for one in items if _is_published(one, prefix)]
    if len(config_maps) < len(items) or not config_maps:
        yield Input(document)
        return
    for item in config_maps:
        data = item.value.get("data") or {}
        keys = sorted(key for key in data if key.endswith(".yaml") and isinstance(data[key], str))
        for key, one in zip(keys, documents_of(item.value), strict=True):
            yield Input(Document(f"{document.origin}: {one.origin}", one.text), item, key)


def _is_published(item: Item, prefix: str) -> bool:
    data = item.value.get("data")
    return (
        item.kind == "ConfigMap" and isinstance(data, dict | None) and publishes(item.value, prefix)
    )
