"""The command `propylon`: what is listed, what is loaded, what wrong flags say."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from webhook import server
from webhook.cli import COMMANDS, Command, command_line, main
from webhook.settings import Settings

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def call(*words: str) -> Any:
    return RUNNER.invoke(command_line(words), list(words))


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)], ids=["nothing", "--help", "-h"])
def test_help_lists_all_subcommands(words: tuple[str, ...]) -> None:
    text = call(*words).output
    for command in COMMANDS:
        assert command.name in text


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
def test_subcommand_exists_and_has_help(command: Command) -> None:
    assert getattr(import_module(command.module), command.name_in_module)
    result = call(command.name, "--help")
    assert result.exit_code == 0
    assert f"propylon {command.name}" in result.output or "Usage" in result.output


def test_unknown_subcommand_is_refused() -> None:
    result = call("sevre")
    assert result.exit_code == 2
    assert "sevre" in result.output


def test_only_what_was_asked_for_is_imported() -> None:
    program = (
        "import sys; from webhook.cli import command_line; command_line(['serve']);"
        "print([name for name in ('sqlalchemy', 'uvicorn', 'lightkube') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_main_runs_the_words_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["propylon", "serve", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "Serve the admission webhook over TLS" in capsys.readouterr().out


def test_placeholders_do_nothing() -> None:
    assert RUNNER.invoke(command_line(["serve"]), ["demo"]).exit_code == 0


def test_serve_gives_its_flags_to_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: list[Settings] = []
    monkeypatch.setattr(server, "run", given.append)
    monkeypatch.setenv("PROPYLON_HEALTH_PORT", "4711")
    result = call("serve", "--policies", str(tmp_path), "--port", "4712", "--log-level", "debug")
    assert result.exit_code == 0
    expected = Settings(policies=tmp_path, port=4712, health_port=4711, log_level="debug")
    assert given == [expected]


WRONG = {
    "nothing": ((), "propylon serve: nothing says where policies come from"),
    "port": (
        ("--policies", "/", "--port", "70000"),
        "propylon serve: --port: Input should be less",
    ),
    "no directory": (
        ("--policies", "/no/such"),
        "propylon serve: --policies: /no/such does not exist",
    ),
    "half a certificate": (
        ("--policies", "/", "--tls-cert", "/"),
        "tls_cert and tls_key go together",
    ),
}


@pytest.mark.parametrize(("words", "text"), WRONG.values(), ids=WRONG)
def test_wrong_flags_are_said_without_a_traceback(words: tuple[str, ...], text: str) -> None:
    result = call("serve", *words)
    assert result.exit_code == 2
    assert text in result.stderr
    assert "Traceback" not in result.output


def test_start_that_is_impossible_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(_settings: Settings) -> None:
        raise server.StartError("cannot listen on 127.0.0.1 port 1: Permission denied")

    monkeypatch.setattr(server, "run", fail)
    result = call("serve", "--policies", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == "propylon: cannot listen on 127.0.0.1 port 1: Permission denied\n"


def test_command_with_subcommands_is_added_whole() -> None:
    assert isinstance(import_module("webhook.cli.report").app, typer.Typer)
    assert "--since" in call("report", "--help").output
