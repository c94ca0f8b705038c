"""Literal values: `{{namespace.labels["x"]}}` resolved by us, `$(NAME)` by the kubelet.

What is put in for `{{…}}` is data: its `$` are doubled, so that the kubelet leaves them alone.
The kubelet's syntax: kubernetes/kubernetes `third_party/forked/golang/expansion/expand.go`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from webhook.model import Json
from webhook.objects.paths import get

Place = tuple[str, ...]
"""Where a placeholder's value is in the context: `("namespace", "labels", "team")`."""

ALLOWED = (
    'namespace.labels["x"], namespace.annotations["x"], pod.labels["x"], container.name, '
    'container.image, owner.kind, owner.name, cluster.name, or "text" for the text itself'
)

_BRACES = re.compile(r"\{\{(?P<inside>.*?)\}\}", re.DOTALL)
_MAP_KEY = re.compile(
    r"(namespace\.labels|namespace\.annotations|pod\.labels)\[(?:\"([^\"]+)\"|'([^']+)')\]"
)
_PLAIN = frozenset(
    ("container.name", "container.image", "owner.kind", "owner.name", "cluster.name")
)
_QUOTED = re.compile(r'"([^"]*)"')
_VARIABLE = re.compile(r"\$\$|\$\(([^)]*)\)")


class LiteralError(ValueError):
    """A text with an unknown placeholder; `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Literal:
    """A parsed text: pieces of text and places of values, and the variables that it refers to."""

    parts: tuple[str | Place, ...]
    references: frozenset[str]

    @property
    def is_plain(self) -> bool:
        """Whether the text has no placeholders at all."""
        return len(self.parts) == 1 and isinstance(self.parts[0], str)


def parse_literal(text: str) -> Literal:
    """Parse a value of the configuration; raise LiteralError."""
    parts: list[str | Place] = []
    position = 0
    for match in _BRACES.finditer(text):
        parts.append(text[position : match.start()])
        parts.append(_placeholder(match["inside"].strip(), match.start()))
        position = match.end()
    rest = text[position:]
    if "{{" in rest:
        raise LiteralError("{{ without }}", position + rest.index("{{"))
    parts.append(rest)
    kept = tuple(part for part in parts if part)
    plain = "".join(part if isinstance(part, str) else "\0" for part in kept)
    return Literal(kept, references(plain))


def _placeholder(inside: str, position: int) -> str | Place:
    quoted = _QUOTED.fullmatch(inside)
    if quoted:
        return quoted[1]
    if inside in _PLAIN:
        return tuple(inside.split("."))
    key = _MAP_KEY.fullmatch(inside)
    if key is None:
        raise LiteralError(f"{{{{{inside}}}}} is unknown; allowed: {ALLOWED}", position)
    return (*key[1].split("."), key[2] or key[3])


def references(text: str) -> frozenset[str]:
    """Return the names in `$(NAME)`; `$$` escapes."""
    names = (match[1] for match in _VARIABLE.finditer(text))
    return frozenset(name for name in names if name)


def missing_places(literal: Literal, context: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the placeholders without a value, as they are written."""
    if literal.is_plain:
        return ()
    places = (part for part in literal.parts if not isinstance(part, str))
    return tuple(_written(place) for place in places if not isinstance(get(context, place), str))


def _written(place: Place) -> str:
    scope, field, *key = place
    return f"{scope}.{field}" + (f'["{key[0]}"]' if key else "")


def render(literal: Literal, context: Mapping[str, Json]) -> str:
    """Return the text with every placeholder's value put in, "" for a missing one."""
    return "".join(
        part if isinstance(part, str) else str(get(context, part) or "").replace("$", "$$")
        for part in literal.parts
    )
