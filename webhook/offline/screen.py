"""Tables and progress for people at a terminal; colours respect NO_COLOR.

Where the output goes to a file or another program nothing is wrapped and nothing moves.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from textwrap import wrap
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

T = TypeVar("T")

PATIENCE_SECONDS = 1.0
"""Nothing that is over sooner shows a progress bar."""

NARROWEST = 24
"""The last column is not wrapped to less."""


def write_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], styles: Iterable[str] = ()
) -> None:
    """Print aligned columns; the last one is wrapped where it is. `styles` has one for each row."""
    lines = list(rows)
    if not lines:
        return
    console = Console(highlight=False, soft_wrap=True)
    widths = [max(len(row[at]) for row in (headings, *lines)) for at in range(len(headings) - 1)]
    room = console.width - sum(widths) - 2 * len(widths) if console.is_terminal else 0
    console.print(Text(_line(headings, widths), style="bold"))
    every = [*styles, *[""] * len(lines)]
    for row, style in zip(lines, every, strict=False):
        for part in _wrapped(row, room):
            console.print(Text(_line(part, widths), style=style))


def _wrapped(row: Sequence[str], room: int) -> Iterator[Sequence[str]]:
    """Yield the screen lines of a row; only the first one has the columns before the last."""
    lines = [
        part
        for line in row[-1].splitlines() or [""]
        for part in (_folded(line, max(room, NARROWEST)) if room else [line])
    ]
    empty = [""] * (len(row) - 1)
    for at, part in enumerate(lines or [""]):
        yield [*(empty if at else row[:-1]), part]


def _folded(line: str, width: int) -> list[str]:
    """Wrap a line; what follows is indented as it is."""
    return wrap(line, width, subsequent_indent=" " * (len(line) - len(line.lstrip())))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*shown, cells[-1]]).rstrip()


def followed(things: Iterable[T], total: int | None, what: str) -> Iterator[T]:
    """Yield the things; show on the terminal's error stream how far it is when it takes long."""
    console = Console(stderr=True)
    start = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with ExitStack() as stack:
        bar: Progress | None = None
        task = None
        for at, one in enumerate(things):
            if bar is None and console.is_terminal and time.monotonic() - start > PATIENCE_SECONDS:
                bar = stack.enter_context(Progress(*columns, console=console, transient=True))
                task = bar.add_task(what, total=total)
            if bar is not None and task is not None:
                bar.update(task, completed=at)
            yield one


def say(label: str, style: str, text: str) -> None:
    """Print a text after a coloured label."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text.assemble((label, style), ": ", text))


def print_line(text: str = "") -> None:
    """Print a text as it is."""
    sys.stdout.write(f"{text}\n")


def counted(number: int, noun: str) -> str:
    """Return `1 case`, `2 cases`, `no cases`."""
    return f"{number or 'no'} {noun}" if number == 1 else f"{number or 'no'} {noun}s"
