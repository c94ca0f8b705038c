"""`propylon report` as its user sees it: tables, forms for programs, exit codes."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from webhook.cli.report import app, parse_time
from webhook.ledger.records import Record
from webhook.ledger.retention import prune
from webhook.ledger.store import Ledger, engine_for

NOW = 1_800_000_000.0


def record(sequence: int, **fields: Any) -> Record:
    return Record(sequence, **{"time": NOW + sequence, "outcome": "denied", **fields})


RECORDS = [
    record(
        1,
        message="image [latest] is not allowed",
        policies=("tags",),
        namespace="shop",
        kind="Deployment",
        name="web",
        username="alice",
    ),
    record(2, outcome="warned", warnings=("no probe",), name="cart"),
    record(3, outcome="mutated", patch=({"op": "add", "path": "/spec/x", "value": 1},)),
    record(4, message='=cmd|"/c calc"', username="bob"),
]


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path}/ledger.db"

    async def fill() -> None:
        store = Ledger(engine_for(url), "propylon-0")
        await store.open(NOW)
        await store.append(RECORDS)
        await store.keep_texts("d1", {"EnvInjection/a": "text of a"})
        await store.close(record(5, outcome="stop"))

    asyncio.run(fill())
    return url


def run(ledger: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--ledger", ledger, *arguments], env={"COLUMNS": "200"})


def test_table_shows_denials_only(ledger: str) -> None:
    result = run(ledger)
    assert result.exit_code == 0
    assert "image [latest] is not allowed" in result.output
    assert "no probe" not in result.output


def test_empty_table_says_so(ledger: str) -> None:
    assert run(ledger, "--namespace", "none").output == "No such records.\n"


def test_all_outcomes_say_what_happened(ledger: str) -> None:
    output = run(ledger, "--outcome", "all").output
    assert "no probe" in output
    assert "add /spec/x" in output


FILTERS = {
    "namespace": (["-n", "shop"], [1]),
    "policy": (["--policy", "tags"], [1]),
    "user": (["--user", "bob"], [4]),
    "since": (["--since", "2027-01-15T08:00:02+00:00"], [4]),
    "until": (["--until", "2027-01-15T08:00:02Z"], [1]),
    "limit": (["--limit", "1"], [4]),
    "outcome": (["--outcome", "warned", "--outcome", "mutated"], [3, 2]),
}


@pytest.mark.parametrize(("flags", "expected"), FILTERS.values(), ids=FILTERS)
def test_filters(ledger: str, flags: list[str], expected: list[int]) -> None:
    result = run(ledger, *flags, "-o", "json")
    assert [one["sequence"] for one in json.loads(result.output)] == expected


def test_json_lines(ledger: str) -> None:
    lines = run(ledger, "-o", "jsonl").output.splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [4, 1]


def test_csv_has_a_header_and_nothing_a_spreadsheet_would_run(ledger: str) -> None:
    rows = list(csv.DictReader(io.StringIO(run(ledger, "-o", "csv").output)))
    assert [row["username"] for row in rows] == ["bob", "alice"]
    assert rows[0]["message"] == '\'=cmd|"/c calc"'


USED = [
    record(1, outcome="overridden", policies=("DeletionGrant/move",), username="alice"),
    record(2, outcome="overridden", policies=("DeletionGrant/move",), username="bob"),
    record(3, outcome="exempted", policies=("tags", "PolicyException/legacy"), username="carol"),
    record(4, outcome="denied", policies=("tags", "PolicyException/legacy"), username="dan"),
]


@pytest.fixture
def used(tmp_path: Path) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path}/used.db"

    async def fill() -> None:
        store = Ledger(engine_for(url), "propylon-0")
        await store.open(NOW)
        await store.append(USED)
        await store.close(record(5, outcome="stop"))

    asyncio.run(fill())
    return url


def test_uses_are_counted_where_they_let_somebody_through(used: str) -> None:
    found = json.loads(run(used, "uses", "-o", "json").output)
    assert found == [
        {
            "document": "DeletionGrant/move",
            "count": 2,
            "last": "2027-01-15T08:00:02Z",
            "last_user": "bob",
        },
        {
            "document": "PolicyException/legacy",
            "count": 1,
            "last": "2027-01-15T08:00:03Z",
            "last_user": "carol",
        },
    ]


def test_uses_as_table_lines_and_csv(used: str) -> None:
    table = run(used, "uses", "--until", "2027-01-15T08:00:03Z").output.splitlines()
    assert [line.split() for line in table] == [
        ["DOCUMENT", "USES", "LAST", "BY"],
        ["DeletionGrant/move", "2", "2027-01-15T08:00:02Z", "bob"],
    ]
    assert len(run(used, "uses", "-o", "jsonl").output.splitlines()) == 2
    rows = list(csv.DictReader(io.StringIO(run(used, "uses", "-o", "csv").output)))
    assert [row["count"] for row in rows] == ["2", "1"]


def test_no_use_is_said(ledger: str) -> None:
    assert run(ledger, "uses").output == "No grant and no exception was used.\n"


def test_verify_a_whole_chain(ledger: str) -> None:
    result = run(ledger, "verify")
    assert (result.exit_code, result.output) == (0, "All chains are whole.\n")


def test_verify_names_what_was_removed(ledger: str) -> None:
    async def remove() -> None:
        engine = engine_for(ledger)
        await prune(engine, NOW + 2.5)
        await engine.dispose()

    asyncio.run(remove())
    result = run(ledger, "verify")
    assert result.exit_code == 0
    assert "3 records until 2027-01-15T08:00:02Z were removed" in result.output


def test_verify_a_running_chain(ledger: str, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/running.db"

    async def start() -> None:
        store = Ledger(engine_for(url), "propylon-0")
        await store.open(NOW)
        await store.engine.dispose()

    asyncio.run(start())
    result = run(url, "verify")
    assert result.exit_code == 1
    assert "the chain has no stop record" in result.output


def test_text_of_a_document(ledger: str) -> None:
    assert run(ledger, "text", "d1", "EnvInjection/a").output == "text of a\n"


ERRORS = {
    "unknown text": (["text", "d1", "EnvInjection/b"], "the ledger has no text of EnvInjection/b"),
    "unknown outcome": (["--outcome", "x"], "'x' is not an outcome; allowed: denied"),
    "bad time": (["--since", "soon"], "neither a span (90s, 30m, 2h, 7d, 4w) nor"),
}


@pytest.mark.parametrize(("arguments", "expected"), ERRORS.values(), ids=ERRORS)
def test_errors_are_readable(ledger: str, arguments: list[str], expected: str) -> None:
    result = run(ledger, *arguments)
    assert result.exit_code == 2
    assert expected in " ".join(result.output.replace("│", " ").split())


def test_missing_database_is_named_without_its_password() -> None:
    result = run("postgresql+psycopg://propylon:hidden@127.0.0.1:1/x")
    assert result.exit_code == 2
    assert "hidden" not in result.output
    assert "cannot be read" in result.output


TIMES = {
    "none": ("", None),
    "seconds": ("90s", NOW - 90),
    "half an hour": ("0.5h", NOW - 1800),
    "days": ("7d", NOW - 7 * 86400),
    "without a zone it is UTC": ("2027-01-15T08:00:00", NOW),
    "with a zone": ("2027-01-15T09:00:00+01:00", NOW),
}


@pytest.mark.parametrize(("text", "expected"), TIMES.values(), ids=TIMES)
def test_parse_time(text: str, expected: float | None) -> None:
    assert parse_time(text, NOW, "--since") == expected


def test_parse_time_names_the_flag() -> None:
    with pytest.raises(typer.BadParameter, match="--until"):
        parse_time("x", NOW, "--until")
