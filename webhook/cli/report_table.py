"""Records of the ledger as a table for people: one line each, and below it what was said.

Where the output goes to a file or another program nothing is wrapped; colours respect NO_COLOR.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any

from webhook.rules import RULES

HEADINGS = ("TIME", "OUTCOME", "OBJECT", "USER")
STYLES = {"denied": "red", "warned": "yellow"}
INDENT = "  "

PREFIX = re.compile(
    r"(?:Validation failed for )?ValidatingAdmissionPolicy '[^']*'(?: with binding '[^']*')?"
    r"(?: denied request)?: "
)
"""What the table leaves out of a message: the policy stands before it."""


def write_records(records: Sequence[Mapping[str, Any]]) -> None:
    """Print two or more lines a record: aligned columns, then each policy and what it said."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    if not records:
        console.print("No such records.")
        return
    rows = [_cells(record) for record in records]
    widths = [max(len(row[at]) for row in [HEADINGS, *rows]) for at in range(len(HEADINGS) - 1)]
    room = console.width if console.is_terminal else 0
    console.print(Text(_line(HEADINGS, widths), style="bold"))
    for record, row in zip(records, rows, strict=True):
        console.print(Text(_line(row, widths), style=STYLES.get(record["outcome"], "")))
        for text in _said(record):
            console.print(Text("\n".join(_folded(text, room))))


def moment_text(seconds: float) -> str:
    """Return a time of the ledger (seconds since the epoch) in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def patch_text(record: Mapping[str, Any]) -> str:
    """Return what was changed, without values."""
    return ", ".join(f"{one['op']} {one['path']}" for one in record["patch"])


def _cells(record: Mapping[str, Any]) -> tuple[str, ...]:
    kind, namespace, name = record["kind"], record["namespace"], record["name"]
    is_placed = namespace and kind != "Namespace"  # a Namespace is said to lie in itself
    place = f"{namespace}/{name}" if is_placed else name
    return moment_text(record["time"]), record["outcome"], f"{kind} {place}", record["username"]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return INDENT.join([*cells, row[-1]]).rstrip()


def _said(record: Mapping[str, Any]) -> list[str]:
    """Return what was denied, warned about or changed, each thing once, with the policies."""
    found: list[str] = []
    for policy, text in _texts(record):
        said = PREFIX.sub("", text, count=1)
        if said and not any(said in other for other in found):
            found.append(f"{policy}: {said}" if policy else said)
    return found


def _texts(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    everybody = ", ".join(record["policies"])
    if record["results"]:
        yield from ((one.get("policy", ""), _message(one)) for one in record["results"])
    elif record["warnings"]:
        yield from (_attributed(text, record["policies"]) for text in record["warnings"])
    else:
        yield everybody, record["message"] or patch_text(record) or "-"


def _attributed(warning: str, policies: Sequence[str]) -> tuple[str, str]:
    """Return who warned and what was said: rules begin with their name, whoever else was there."""
    name, _, text = warning.partition(": ")
    kind = {rule.name: rule.kind for rule in RULES}.get(name)
    if kind is None:
        return ", ".join(policies), warning
    return ", ".join(one for one in policies if one.startswith(f"{kind}/")) or kind, text


def _message(result: Mapping[str, Any]) -> str:
    """Return the message without the name of the rule, which the document says already."""
    text: str = result["message"]
    return text.removeprefix(f"{result.get('origin', '')}: ")


def _folded(text: str, room: int) -> list[str]:
    """Wrap a text for a terminal of so many columns; 0 means no terminal."""
    line = f"{INDENT}{text}"
    if not room:
        return [line]
    return wrap(line, max(room, 24), subsequent_indent=INDENT * 2, break_on_hyphens=False)
