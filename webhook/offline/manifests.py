"""Kubernetes objects of any kind in files, with the lines where they begin.

What is no object (values of a chart, a kustomization) is told apart from what cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from webhook.documents.values import Parsed, Position, UnreadableError, read_yaml
from webhook.model import ConfigError, Document, Json
from webhook.offline.inputs import STDIN, read_file, read_texts
from webhook.sources.directory import SourceError, readable

ENDINGS = (".yaml", ".yml", ".json")
NO_OBJECTS = ("kustomize.config.k8s.io/",)
"""API groups whose kinds configure tools and are never stored in a cluster."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object and where it begins; an object from a cluster has no line and no positions."""

    origin: str
    value: Json
    line: int = 0
    positions: Position | None = None

    @property
    def kind(self) -> str:
        """The object's kind."""
        return str(self.value["kind"])

    @property
    def place(self) -> str:
        """Namespace and name, as far as there are any."""
        metadata = self.value.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        name = metadata.get("name") or metadata.get("generateName") or "?"
        return "/".join(str(part) for part in (metadata.get("namespace"), name) if part)


def is_storable(value: Json) -> bool:
    """Tell whether an API server could hold it: named, with labels that are texts."""
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        return False
    metadata = value["metadata"]
    labels = metadata.get("labels") or {}
    texts = [value.get("apiVersion"), value.get("kind"), metadata.get("name")]
    texts.append(metadata.get("namespace") or "")
    texts += labels.values() if isinstance(labels, dict) else [None]
    return all(isinstance(one, str) for one in texts) and bool(metadata["name"])


def read_object(path: Path) -> Json:
    """Return the one object of a file (- is standard input); raise SourceError."""
    (document,) = (
        tuple(read_texts([path])) if path == STDIN else (Document(str(path), read_file(path)),)
    )
    manifests, errors = parse_manifests(document)
    if errors:
        raise SourceError("\n".join(map(str, errors)))
    if len(manifests) != 1:
        raise SourceError(f"{path}: holds {len(manifests)} objects; give a file with one")
    return manifests[0].value


def read_manifests(path: Path) -> Iterator[Document]:
    """Yield the texts of a file, of all files with objects in a directory, or of standard input.

    Raise SourceError.
    """
    if not path.is_dir():
        yield from read_texts([path])
        return
    try:
        found = sorted(one for one in path.rglob("*") if one.suffix in ENDINGS and one.is_file())
        for file in found:
            if not any(part.startswith(".") for part in file.relative_to(path).parts):
                yield Document(str(file), readable(file.read_bytes()))
    except OSError as error:
        raise SourceError(f"{error.filename or path}: {error.strerror or error}") from error


def parse_manifests(
    document: Document,
) -> tuple[tuple[Manifest, ...], tuple[ConfigError, ...]]:
    """Return the objects of a text, lists taken apart, and what cannot be read."""
    try:
        parsed = read_yaml(document.text)
    except UnreadableError as error:
        problem = error.problem
        place = (problem.line, problem.column)
        return (), (ConfigError(document.origin, problem.message, "", "", "", *place),)
    errors = tuple(
        ConfigError(document.origin, problem.message, line=problem.line, column=problem.column)
        for one in parsed
        for problem in one.problems
    )
    return tuple(_objects(document.origin, (one for one in parsed if not one.problems))), errors


def _objects(origin: str, parsed: Iterable[Parsed]) -> Iterator[Manifest]:
    for one in parsed:
        yield from _flattened(origin, one.value, one.position)


def _flattened(origin: str, value: Json, position: Position) -> Iterator[Manifest]:
    if not isinstance(value, dict):
        return
    kind, version, items = value.get("kind"), value.get("apiVersion"), value.get("items", ())
    if not isinstance(kind, str) or not isinstance(version, str) or version.startswith(NO_OBJECTS):
        return
    if kind.endswith("List") and isinstance(items, list | None):
        places = position.children.get("items", position).children
        for at, item in enumerate(items or ()):
            yield from _flattened(origin, item, places.get(at, position))
        return
    yield Manifest(origin, value, position.line, position)
