"""The command `propylon eval`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from webhook.cli.evaluate import evaluate

if TYPE_CHECKING:
    from pathlib import Path

APP = typer.Typer()
APP.command("eval")(evaluate)

OBJECT = "spec:\n  replicas: 3\n  paused: false\n"


def run(tmp_path: Path, *words: str, text: str = OBJECT) -> tuple[int, str]:
    path = tmp_path / "object.yaml"
    path.write_text(text)
    result = CliRunner().invoke(APP, [*words, "--object", str(path)])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("expression", "code", "output"),
    [
        ("object.spec.replicas > 2", 0, "true\n"),
        ("{'a': [duration('90s'), duration('1s')]}", 0, '{"a": ["90s", "1s"]}\n'),
        ("oldObject == null", 0, "true\n"),
        ("object.spec.nope", 2, "error: no such key: nope\n"),
        ("object.spec.", 1, "compilation failed: ERROR: <input>:1:13"),
    ],
)
def test_value_or_error_is_printed(tmp_path: Path, expression: str, code: int, output: str) -> None:
    found = run(tmp_path, expression)
    assert (found[0], found[1][: len(output)]) == (code, output)


def test_an_explanation_shows_what_was_not_evaluated(tmp_path: Path) -> None:
    text = "object.spec.paused && object.spec.replicas > 2"
    assert run(tmp_path, text, "--explain") == (
        0,
        (
            "object.spec.paused && object.spec.replicas > 2  =>  false\n"
            "  object.spec.paused  =>  false\n"
            '    object.spec  =>  {"replicas": 3, "paused": false}\n'
            "      object  =>  (not evaluated)\n"
            "  object.spec.replicas > 2  =>  (not evaluated)\n"
            "    object.spec.replicas  =>  (not evaluated)\n"
            "      object.spec  =>  (not evaluated)\n"
            "        object  =>  (not evaluated)\n"
            "cost 3\n"
            "false\n"
        ),
    )


def test_long_values_and_errors_are_shown_short(tmp_path: Path) -> None:
    code, output = run(tmp_path, f"object.spec.x == '{'y' * 80}'", "--explain")
    assert code == 2
    assert "object.spec.x  =>  error: no such key: x" in output
    _, output = run(
        tmp_path, f"['{'y' * 80}', object.spec.replicas == 3 ? '' : ''].size()", "--explain"
    )
    assert "...\n" in output


@pytest.mark.parametrize(("text", "code"), [("a: 1\na: 2\n", 1), ("", 2)])
def test_files_must_be_readable(tmp_path: Path, text: str, code: int) -> None:
    assert run(tmp_path, "object.a", text=text)[0] == code
