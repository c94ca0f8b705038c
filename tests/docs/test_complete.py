"""The pages name everything: flags, fields, metrics, exit codes, anchors, parts of the program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.main import get_command

from webhook import replica
from webhook.cli import COMMANDS, command_line
from webhook.demo.scenes import SCENES
from webhook.rules import MODELS, RULES
from webhook.rules.schema import file_name
from webhook.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
ANCHORED = re.compile(r"\]\((?!https?:)([^)#]*)#([^)]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
METRIC = re.compile(r"\bpropylon_[a-z_]+\b")


def _command_page(name: str) -> str:
    return (DOCS / "commands" / f"{name}.md").read_text(encoding="utf-8")


def _flags(name: str) -> set[str]:
    """Return the long flags of a subcommand, and of its own subcommands."""
    group = get_command(command_line([name]))
    context = typer.Context(group)
    command = group.get_command(context, name)  # type: ignore[attr-defined]  # a group of commands
    commands = [command, *getattr(command, "commands", {}).values()]
    words = (word for one in commands for parameter in one.params for word in parameter.opts)
    return {word for word in words if word.startswith("--")}


@pytest.mark.parametrize("name", [one.name for one in COMMANDS])
def test_page_of_a_command_names_every_flag(name: str) -> None:
    page = _command_page(name)
    assert {flag for flag in _flags(name) if f"{flag}" not in page} - {"--help"} == set()


@pytest.mark.parametrize("name", [one.name for one in COMMANDS])
def test_page_of_a_command_has_no_flag_that_is_gone(name: str) -> None:
    table = [line for line in _command_page(name).splitlines() if line.startswith("| `--")]
    named = {flag for line in table for flag in re.findall(r"`(--[a-z-]+)", line.split("|")[1])}
    assert named - _flags(name) == set()


@pytest.mark.parametrize("name", [one.name for one in COMMANDS])
def test_page_of_a_command_tells_its_exit_codes(name: str) -> None:
    codes = _command_page(name).partition("## Exit codes")[2]
    assert re.search(r"^\| 0 \|", codes, re.MULTILINE)


def test_page_of_serve_names_every_environment_variable() -> None:
    page = _command_page("serve")
    names = [f"PROPYLON_{name.upper()}" for name in Settings.model_fields]
    assert [name for name in names if f"`{name}`" not in page] == []


def _fields(model: type[BaseModel]) -> set[str]:
    """Return the names of all fields of a document, but those that all documents have."""
    schema = model.model_json_schema(by_alias=True)
    parts = [schema, *(one for name, one in schema["$defs"].items() if name != "Metadata")]
    return {name for part in parts for name in part.get("properties", ())}


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_page_of_a_kind_names_every_field(kind: str) -> None:
    page = (DOCS / "documents" / f"{file_name(kind)}.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[A-Za-z]+", page))
    assert _fields(MODELS[kind]) - {"apiVersion"} - words == set()


def test_every_rule_has_a_page_that_leads_to_its_kind() -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "rules").glob("*.md")}
    assert set(pages) == {rule.name for rule in RULES}
    for rule in RULES:
        kind = file_name(rule.kind)
        assert f"(../documents/{kind}.md)" in pages[rule.name]
        page = (DOCS / "documents" / f"{kind}.md").read_text(encoding="utf-8")
        assert f"(../rules/{rule.name}.md" in page


def test_scenes_are_counted_right() -> None:
    page = _command_page("demo")
    assert (len(SCENES), "twelve scenes" in page) == (12, True)
    assert "twelve scenes" in (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([0-9, to]+) \|", page.partition("## Exit codes")[0], re.MULTILINE)
    numbers = [number for row in rows for number in _numbers(row)]
    assert sorted(numbers) == list(range(1, len(SCENES) + 1))


def _numbers(row: str) -> list[int]:
    """Return what `3 to 7` or `1, 8` means."""
    first, _, last = row.partition(" to ")
    return list(range(int(first), int(last) + 1)) if last else [int(one) for one in row.split(",")]


def test_metrics_are_those_of_the_page() -> None:
    page = {_bare(name) for name in METRIC.findall((DOCS / "metrics.md").read_text())}
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "webhook").rglob("*.py"))
    made = {_bare(name) for name in re.findall(r'"(propylon_[a-z_]+[a-z])"', code)}
    assert made - page == set()
    gone = {name for name in page - made if f'"{name.removeprefix("propylon_")}' not in code}
    assert gone == set()


def test_operations_tells_what_each_line_of_readyz_means() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    nothing: Any = None
    names = [*replica._checks(*(nothing,) * 4), "policies", "port", "stop"]
    assert [name for name in names if f"`{name}: " not in page] == []


def _bare(name: str) -> str:
    """Return the name without what Prometheus appends to it."""
    return re.sub(r"(_(total|info|bucket|count|sum))+$", "", name)


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^a-z0-9 _-]", "", text).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_anchors_lead_somewhere(page: Path) -> None:
    for link, anchor in ANCHORED.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / link).resolve() if link else page
        headings = HEADING.findall(target.read_text(encoding="utf-8"))
        assert anchor in {_slug(heading) for heading in headings}, f"{link}#{anchor}"


def test_the_map_names_every_part() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    paths = [path for path in (ROOT / "webhook").iterdir() if not path.name.startswith("_")]
    parts = [path.stem for path in paths if path.is_dir() or path.suffix == ".py"]
    assert [part for part in parts if not re.search(rf"\b{part}\b", text)] == []
    named = re.findall(r"`(webhook/[a-z_/]+(?:\.py)?)`", text)
    assert [one for one in named if not (ROOT / one).exists()] == []
