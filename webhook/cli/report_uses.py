"""How often grants and exceptions were used, as a table or for other programs."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict

import orjson
import typer

from webhook.cli.report_table import moment_text
from webhook.ledger.queries import Uses

COLUMNS = ("document", "count", "last", "last_user")


def write_uses(uses: Sequence[Uses], output: str) -> None:
    """Print one line for each document; `output` is table, json, jsonl or csv."""
    rows = [{**asdict(one), "last": moment_text(one.last)} for one in uses]
    if output == "json":
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    elif output == "jsonl":
        for row in rows:
            typer.echo(orjson.dumps(row).decode())
    elif output == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    else:
        _write_table(uses)


def _write_table(uses: Sequence[Uses]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=True)
    if not uses:
        console.print("No grant and no exception was used.")
        return
    table = Table("DOCUMENT", "USES", "LAST", "BY", box=None)
    for one in uses:
        cells = (one.document, str(one.count), moment_text(one.last), one.last_user)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
