"""The table of `propylon report`: what stands where, and what is said once."""

from __future__ import annotations

from typing import Any

import pytest

from webhook.cli.report_table import write_records

CEL = "ValidatingAdmissionPolicy 'tags' with binding 'tags' denied request: "


def record(**fields: Any) -> dict[str, Any]:
    empty = {"results": [], "warnings": [], "patch": [], "policies": [], "message": ""}
    place = {"namespace": "shop", "kind": "Deployment", "name": "web", "username": "alice"}
    return {"time": 1_800_000_000.0, "outcome": "denied", **place, **empty, **fields}


def hide(message: str) -> dict[str, str]:
    return {"origin": "hide", "policy": "HiddenFields/a", "message": f"hide: {message}"}


ROWS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "what a policy said, without its name twice": (
        record(results=[{"policy": "tags", "message": f"{CEL}no latest"}]),
        ["2027-01-15T08:00:00Z  denied   Deployment shop/web  alice", "  tags: no latest"],
    ),
    "a rule that says all in its first message": (
        record(results=[hide("a and b are reserved. Ask."), hide("b")]),
        [
            "2027-01-15T08:00:00Z  denied   Deployment shop/web  alice",
            "  HiddenFields/a: a and b are reserved. Ask.",
        ],
    ),
    "a Namespace does not lie in itself": (
        record(kind="Namespace", namespace="shop", name="shop", message="no"),
        ["2027-01-15T08:00:00Z  denied   Namespace shop  alice", "  no"],
    ),
    "warnings": (
        record(outcome="warned", warnings=["a", "b"], policies=["x", "y"]),
        ["2027-01-15T08:00:00Z  warned   Deployment shop/web  alice", "  x, y: a", "  x, y: b"],
    ),
    "a warning of a rule among others": (
        record(
            outcome="warned",
            warnings=["env: A replaced by rule a", "hide: b removed"],
            policies=["EnvInjection/a", "EnvInjection/b", "LxcfsInjection/c"],
        ),
        [
            "2027-01-15T08:00:00Z  warned   Deployment shop/web  alice",
            "  EnvInjection/a, EnvInjection/b: A replaced by rule a",
            "  HiddenFields: b removed",
        ],
    ),
    "a change": (
        record(outcome="mutated", patch=[{"op": "add", "path": "/x"}], policies=["EnvInjection/a"]),
        ["2027-01-15T08:00:00Z  mutated  Deployment shop/web  alice", "  EnvInjection/a: add /x"],
    ),
    "nothing to say": (
        record(outcome="audited"),
        ["2027-01-15T08:00:00Z  audited  Deployment shop/web  alice", "  -"],
    ),
}


@pytest.mark.parametrize(("one", "expected"), ROWS.values(), ids=ROWS)
def test_rows(one: dict[str, Any], expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write_records([one])
    heading, *lines = capsys.readouterr().out.splitlines()
    assert lines == expected
    assert heading.index("USER") == lines[0].index("alice")


def test_nothing_is_wrapped_for_another_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    write_records([record(message="word " * 40)])
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_texts_are_wrapped_and_indented_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    write_records([record(message="word " * 20)])
    _, row, first, *rest = capsys.readouterr().out.splitlines()
    assert row.startswith("\x1b[31m")
    assert first.startswith("  word")
    assert rest
    assert all(line.startswith("    word") and len(line) <= 60 for line in rest)
