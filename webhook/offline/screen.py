"""Tables and progress for people at a terminal; colours respect NO_COLOR.

Where the output goes to a file or another program nothing is wrapped and nothing moves.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import wrap
from threading import Timer
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

T = TypeVar("T")

PATIENCE_SECONDS = 1.0
"""Nothing that is over sooner shows a progress bar."""

NARROWEST = 24
"""The last column is not wrapped to less."""


def write_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], styles: Iterable[str] = ()
) -> None:
    """Print aligned columns; the last one is wrapped where it is. `styles` has one for each row.

    A row of one cell is a heading of its own.
    """
    lines = list(rows)
    if not lines:
        return
    console = Console(highlight=False, soft_wrap=True)
    whole = [headings, *(row for row in lines if len(row) > 1)]
    widths = [max(len(row[at]) for row in whole) for at in range(len(headings) - 1)]
    room = console.width - sum(widths) - 2 * len(widths) if console.is_terminal else 0
    console.print(Text(_line(headings, widths), style="bold"))
    every = [*styles, *[""] * len(lines)]
    for row, style in zip(lines, every, strict=False):
        for part in _wrapped(row, room) if len(row) > 1 else [row]:
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
    shown = [cell.ljust(width) for cell, width in zip(cells[:-1], widths, strict=False)]
    return "  ".join([*shown, cells[-1]]).rstrip()


def followed(things: Iterable[T], total: int | None, what: str) -> Iterator[T]:
    """Yield the things; show on the terminal's error stream how far it is when it takes long."""
    with progress() as moved:
        for at, one in enumerate(things):
            moved(what, at, total)
            yield one


@contextmanager
def progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Give a function to call with what is done, how much of it, and how much there is."""
    console = Console(stderr=True)
    start = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=console, transient=True)
    tasks: list[TaskID] = []

    def moved(what: str, done: int, total: int | None) -> None:
        if not console.is_terminal or time.monotonic() - start <= PATIENCE_SECONDS:
            return
        if not tasks:
            bar.start()
            tasks.append(bar.add_task(what))
        bar.update(tasks[0], description=what, completed=done, total=total)

    try:
        yield moved
    finally:
        if tasks:
            bar.stop()


@contextmanager
def patience(what: str) -> Iterator[None]:
    """Show on the terminal's error stream that something is going on when it takes long."""
    console = Console(stderr=True)
    status = console.status(f"{what} ...")
    timer = Timer(PATIENCE_SECONDS, status.start)
    if console.is_terminal:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if timer.is_alive():
            timer.join()
        status.stop()


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
