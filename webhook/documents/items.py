"""The objects that a document holds, and errors that show the place in its text.

An Item is any object with apiVersion, kind and metadata.name; nothing else is checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from webhook.documents.values import (
    Parsed,
    Position,
    Problem,
    UnreadableError,
    read_yaml_in_steps,
)
from webhook.model import ConfigError, Document
from webhook.objects.paths import Path, dotted, get
from webhook.steps import Steps, finish

MAX_EXCERPT = 120

UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
"""Stands in excerpts for what a terminal would obey instead of show."""

_PROPERTIES = re.compile(r"([&!]\S*\s+)*")
"""What may stand before a scalar: its anchor and its tag."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a document; `value` is never changed.

    `text` is its canonical JSON: equal values have equal texts.
    """

    document: Document
    api_version: str
    kind: str
    name: str
    value: dict[str, Any]
    positions: Position = field(repr=False, compare=False)
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Write the text once: the digest, the ledger and the stored copy all need it."""
        text = orjson.dumps(self.value, option=orjson.OPT_SORT_KEYS).decode()
        object.__setattr__(self, "text", text)

    @property
    def identity(self) -> tuple[str, str]:
        """The kind and the name: unique over all sources."""
        return self.kind, self.name

    def error(self, path: Path, message: str) -> ConfigError:
        """Return an error about what is at the path, or about the nearest thing that is there."""
        place = _nearest(self.positions, path)
        return self._error_at(path, message, place.line, place.column)

    def error_in(self, path: Path, message: str, line: int, column: int) -> ConfigError:
        """Return an error about a place inside the text at the path (line and column from 1)."""
        text = get(self.value, path)
        start = _nearest(self.positions, path)
        place = None
        if isinstance(text, str):
            place = _inside(self.document.text, start, text, line, column)
        return self._error_at(path, message, *(place or (start.line, start.column)))

    def _error_at(self, path: Path, message: str, line: int, column: int) -> ConfigError:
        return _config_error(
            self.document, (self.kind, self.name), Problem(path, message, line, column)
        )


def parse_document(document: Document) -> tuple[tuple[Item, ...], tuple[ConfigError, ...]]:
    """Return the objects of a text and what is wrong with it; a broken object gives no Item.

    A text that is no YAML at all gives one error and no Items.
    """
    return finish(parse_document_in_steps(document))


def parse_document_in_steps(
    document: Document,
) -> Steps[tuple[tuple[Item, ...], tuple[ConfigError, ...]]]:
    """Do as `parse_document`, and pause after each object."""
    try:
        parsed = yield from read_yaml_in_steps(document.text)
    except UnreadableError as error:
        return (), (_config_error(document, ("", ""), error.problem),)
    items: list[Item] = []
    errors: list[ConfigError] = []
    for part in (single for whole in parsed for single in _flatten(whole)):
        problems = part.problems or tuple(_missing(part))
        subject = _subject(part.value)
        errors += [_config_error(document, subject, problem) for problem in problems]
        if not problems:
            version = part.value["apiVersion"]
            items.append(Item(document, version, *subject, part.value, part.position))
        yield
    return tuple(items), tuple(errors)


def _flatten(parsed: Parsed) -> Iterator[Parsed]:
    """Yield the objects of a document: none when it is empty, the elements of a `kind: List`."""
    elements = get(parsed.value, ("items",))
    if get(parsed.value, ("kind",)) != "List" or not isinstance(elements, list):
        if parsed.value is not None or parsed.problems:
            yield parsed
        return
    for index, element in enumerate(elements):
        path = ("items", index)
        inside = tuple(
            Problem(problem.path[2:], problem.message, problem.line, problem.column)
            for problem in parsed.problems
            if problem.path[:2] == path
        )
        yield from _flatten(Parsed(element, _nearest(parsed.position, path), inside))
    outside = tuple(p for p in parsed.problems if p.path[:1] != ("items",))
    if outside:
        yield Parsed(None, parsed.position, outside)


def _missing(parsed: Parsed) -> Iterator[Problem]:
    """Yield what every object needs and this one lacks."""
    if not isinstance(parsed.value, dict):
        place = parsed.position
        message = "an object is a map with apiVersion, kind and metadata"
        yield Problem((), message, place.line, place.column)
        return
    for path in (("apiVersion",), ("kind",), ("metadata", "name")):
        text = get(parsed.value, path)
        if not isinstance(text, str) or not text:
            place = _nearest(parsed.position, path)
            yield Problem(path, "required: a text that is not empty", place.line, place.column)


def _subject(value: Any) -> tuple[str, str]:
    kind, name = get(value, ("kind",)), get(value, ("metadata", "name"))
    return kind if isinstance(kind, str) else "", name if isinstance(name, str) else ""


def _nearest(position: Position, path: Path) -> Position:
    for step in path:
        if step not in position.children:
            break
        position = position.children[step]
    return position


def _inside(
    source: str, start: Position, text: str, line: int, column: int
) -> tuple[int, int] | None:
    """Find the place in the source of a place in a scalar's text; None when it cannot be told.

    Folding and indentation only change white space: the n-th visible character of the text is the
    n-th of the source, unless escapes come before it.
    """
    before = text.splitlines(keepends=True)[: line - 1]
    offset = sum(map(len, before)) + column - 1
    visible = len("".join(text[:offset].split()))
    target = text[offset : offset + 1].strip()
    if not target and not visible:
        return None
    places = _visible(source, start)
    index = visible if target else visible - 1
    wanted = target or "".join(text[:offset].split())[-1]
    found = next((place for n, place in enumerate(places) if n == index), None)
    if found is None or found[0] != wanted:
        return None
    return found[1], found[2] + (0 if target else 1)


def _visible(source: str, start: Position) -> Iterator[tuple[str, int, int]]:
    """Yield each visible character of a scalar with line and column, after its indicator."""
    lines = _lines(source)
    line, skipped = start.line, start.column - 1
    properties = _PROPERTIES.match(lines[line - 1], skipped)
    skipped = properties.end() if properties else skipped
    indicator = lines[line - 1][skipped : skipped + 1]
    if indicator in ("|", ">"):
        line, skipped = start.line + 1, 0
    elif indicator in ("'", '"'):
        skipped += 1
    for number in range(line, len(lines) + 1):
        for column, character in enumerate(lines[number - 1][skipped:], skipped + 1):
            if not character.isspace():
                yield character, number, column
        skipped = 0


@lru_cache(maxsize=1)
def _lines(source: str) -> list[str]:
    """Split a text once for all its errors: a long one may have thousands."""
    return source.splitlines()


def _config_error(document: Document, subject: tuple[str, str], problem: Problem) -> ConfigError:
    return ConfigError(
        document.origin,
        problem.message,
        *subject,
        dotted(problem.path),
        problem.line,
        problem.column,
        _excerpt(document.text, problem.line, problem.column),
    )


def _excerpt(source: str, line: int, column: int) -> str:
    """Return the source line with a caret below the column; "" when the line is unknown."""
    lines = _lines(source)
    if not 0 < line <= len(lines):
        return ""
    first = max(0, column - MAX_EXCERPT * 3 // 4)
    shown = lines[line - 1][first : first + MAX_EXCERPT].replace("\t", " ")
    shown = "".join(one if one.isprintable() else UNPRINTABLE for one in shown)
    return f"{shown}\n{' ' * (column - 1 - first)}^"
