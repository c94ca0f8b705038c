"""`propylon report`: what the ledger holds, as a table or for other programs."""

from __future__ import annotations

import asyncio
import csv
import re
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import orjson
import typer

from webhook.cli.flags import LEDGER_URLS
from webhook.cli.report_table import moment_text, patch_text, write_records
from webhook.cli.report_uses import write_uses
from webhook.ledger.queries import (
    Filter,
    count_uses,
    find_checkpoints,
    find_records,
    find_text,
    verify,
)
from webhook.ledger.records import OUTCOMES
from webhook.ledger.store import LedgerError, engine_for
from webhook.settings import LEDGER_URL

DEFAULT_LEDGER = "sqlite+aiosqlite:///propylon.db"
COLUMNS = ("time", "outcome", "namespace", "kind", "name", "username", "policies", "message")

T = TypeVar("T")
app = typer.Typer()


class Output(StrEnum):
    """Forms of a report."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


LedgerOption = Annotated[
    str, typer.Option("--ledger", envvar="PROPYLON_LEDGER", help="URL of the database.")
]


LedgerAgain = Annotated[str, typer.Option("--ledger", help="As for the report itself.")]


@app.callback(invoke_without_command=True)
def report(
    context: typer.Context,
    ledger: LedgerOption = DEFAULT_LEDGER,
    since: Annotated[
        str, typer.Option(help="A time span (90s, 30m, 2h, 7d) or a time (2026-11-21T08:00:00Z).")
    ] = "",
    until: Annotated[str, typer.Option(help="As --since.")] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only what happened in this namespace.")
    ] = "",
    policy: Annotated[str, typer.Option(help="Name of a policy, or Kind/name of a rule.")] = "",
    user: Annotated[str, typer.Option(help="User name of the caller.")] = "",
    outcome: Annotated[
        list[str] | None, typer.Option(help=f"One or more of {', '.join(OUTCOMES)}, or all.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 1000,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="Form of the result.")
    ] = Output.TABLE,
) -> None:
    """Print denials (or other outcomes), the newest first.

    Exit code 0: printed; 2: the ledger cannot be read.
    """
    if context.invoked_subcommand is not None:
        context.obj = ledger
        return
    now = time.time()
    wanted = Filter(
        outcomes=_outcomes(outcome or ["denied"]),
        since=parse_time(since, now, "--since"),
        until=parse_time(until, now, "--until"),
        namespace=namespace,
        policy=policy,
        username=user,
        limit=limit,
    )
    records = _with_engine(ledger, lambda engine: find_records(engine, wanted))
    WRITERS[output](records)


@app.command("verify")
def verify_command(context: typer.Context, ledger: LedgerAgain = "") -> None:
    """Check the hash chains: nothing changed, nothing missing.

    Exit code 0: all are whole; 1: something is changed or missing; 2: the ledger cannot be read.
    """
    for one in _with_engine(ledger or context.obj, find_checkpoints):
        typer.echo(f"{one.replica} (start {one.start}): {one.message}")
    breaks = _with_engine(ledger or context.obj, verify)
    for one in breaks:
        typer.echo(f"{one.replica} (start {one.start}), record {one.sequence}: {one.message}")
    if breaks:
        raise typer.Exit(1)
    typer.echo("All chains are whole.")


@app.command("uses")
def uses_command(
    context: typer.Context,
    ledger: LedgerAgain = "",
    since: Annotated[str, typer.Option(help="As for the report itself.")] = "",
    until: Annotated[str, typer.Option(help="As --since.")] = "",
    output: Annotated[
        Output, typer.Option("--output", "-o", help="Form of the result.")
    ] = Output.TABLE,
) -> None:
    """Count how often each DeletionGrant and PolicyException was used, by whom last.

    Exit code 0: printed; 2: the ledger cannot be read.
    """
    now = time.time()
    times = (parse_time(since, now, "--since"), parse_time(until, now, "--until"))
    uses = _with_engine(ledger or context.obj, lambda engine: count_uses(engine, *times))
    write_uses(uses, output.value)


@app.command("text")
def text_command(
    context: typer.Context,
    digest: Annotated[str, typer.Argument(help="The record's snapshot digest.")],
    document: Annotated[str, typer.Argument(help="Kind/name.")],
    ledger: LedgerAgain = "",
) -> None:
    """Print a document as it was in force under a snapshot digest.

    Exit code 0: printed; 2: the ledger has no such text, or cannot be read.
    """
    text = _with_engine(ledger or context.obj, lambda engine: find_text(engine, digest, document))
    if text is None:
        _fail(f"the ledger has no text of {document} under digest {digest}")
    typer.echo(text)


def _with_engine(url: str, ask: Any) -> Any:
    """Run one question against the ledger; a database that does not answer is exit code 2."""
    _require_file(url)

    async def run() -> Any:
        engine = engine_for(url)
        try:
            return await ask(engine)
        finally:
            await engine.dispose()

    return _readable(url, run())


def _readable(url: str, question: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(question)
    except (LedgerError, OSError) as error:
        reason = re.sub(r"^\([\w.]+\) ", "", str(error).splitlines()[0])
        _fail(f"the ledger {_without_password(url)} cannot be read: {reason}; see --ledger")


def _require_file(url: str) -> None:
    """End with exit code 2 for what is no ledger's URL, and for a missing file: asking makes it."""
    if not re.match(LEDGER_URL, url or "-"):
        _fail(f"--ledger: is no URL of a ledger; {LEDGER_URLS}")
    found = re.fullmatch(r"sqlite[+a-z]*:///(?!:memory:)([^?]+)(\?.*)?", url)
    if found and not Path(found[1]).is_file():
        _fail(
            f"there is no ledger {found[1]} here; propylon serve makes it, --ledger names another"
        )


def _without_password(url: str) -> str:
    return re.sub(r"(://[^:/@]+):[^@]*@", r"\1:***@", url)


def _fail(message: str) -> NoReturn:
    typer.echo(f"propylon report: {message}", err=True)
    raise typer.Exit(2)


def _outcomes(names: Sequence[str]) -> tuple[str, ...]:
    if "all" in names:
        return OUTCOMES
    unknown = [name for name in names if name not in OUTCOMES]
    if unknown:
        allowed = ", ".join((*OUTCOMES, "all"))
        raise typer.BadParameter(f"{unknown[0]!r} is not an outcome; allowed: {allowed}")
    return tuple(names)


UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(text: str, now: float, flag: str) -> float | None:
    """Return seconds since the epoch for a span before `now` or an ISO 8601 time; None for ""."""
    if not text:
        return None
    span = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhdw])", text)
    if span:
        return now - timedelta(**{UNITS[span[2]]: float(span[1])}).total_seconds()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{flag} {text!r} is neither a span (90s, 30m, 2h, 7d, 4w) nor an ISO 8601 time"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _shown(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of a record as text."""
    row = {name: str(record[name]) for name in COLUMNS}
    row["time"] = moment_text(record["time"])
    row["policies"] = ", ".join(record["policies"])
    row["message"] = record["message"] or "; ".join(record["warnings"]) or patch_text(record)
    return row


def write_json(records: Sequence[Mapping[str, Any]]) -> None:
    """Print one JSON array with all that the ledger holds of each record."""
    typer.echo(orjson.dumps(records, option=orjson.OPT_INDENT_2).decode())


def write_jsonl(records: Sequence[Mapping[str, Any]]) -> None:
    """Print one JSON object a line."""
    for record in records:
        typer.echo(orjson.dumps(record).decode())


def write_csv(records: Sequence[Mapping[str, Any]]) -> None:
    """Print comma-separated values with a header; nothing that a spreadsheet would run."""
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    for record in records:
        writer.writerow({name: _inert(text) for name, text in _shown(record).items()})


def _inert(text: str) -> str:
    """Prefix what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


WRITERS = {
    Output.TABLE: write_records,
    Output.JSON: write_json,
    Output.JSONL: write_jsonl,
    Output.CSV: write_csv,
}
