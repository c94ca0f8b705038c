"""The demo: a real server over TLS, and what a person reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from webhook.cli import command_line, demo
from webhook.demo.playing import OBJECTS
from webhook.demo.scenes import SCENES
from webhook.demo.serving import DemoError, Server, running_server


def test_demo_shows_every_scene_as_told_and_the_ledger(
    capfd: pytest.CaptureFixture[str],
) -> None:
    command_line(["demo"])(["demo"], standalone_mode=False)
    output, errors = capfd.readouterr()
    assert errors == ""
    assert "\x1b" not in output  # no colours where nobody sees them
    assert "NOT AS TOLD" not in output
    head, *scenes, ledger = output.split("\n\n")
    assert "https://127.0.0.1:" in head
    assert len(scenes) == len(SCENES)
    for number, (text, scene) in enumerate(zip(scenes, SCENES, strict=True), 1):
        assert text.startswith(f"{number}. {scene.rule}: ")
        assert f"{scene.user.name}$ {scene.command}" in text
    denied = re.findall(r"^\S+Z +denied +(.*?)  ", ledger, re.MULTILINE)
    assert denied == [
        "Namespace staging",
        "Deployment shop/checkout",
        "Deployment shop/search",
        "Deployment shop/ledger",
        "Pod shop/debug",
    ]


def test_scene_that_is_not_as_told_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(SCENES[0], told=("something else",))
    monkeypatch.setattr(demo, "SCENES", (wrong, SCENES[-1]))
    result = CliRunner().invoke(command_line(["demo"]), ["demo"])
    assert result.exit_code == 1
    assert result.stdout.count("NOT AS TOLD") == 1
    assert result.stderr == "propylon demo: 1 scene not as told\n"


def test_server_that_does_not_start_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "OBJECTS", tmp_path / "missing")
    result = CliRunner().invoke(command_line(["demo"]), ["demo"])
    assert result.exit_code == 1
    assert "propylon demo: the server did not start" in result.stderr
    assert "missing does not exist" in result.stderr


def test_answer_that_is_no_verdict_ends_the_demo(certified: Server) -> None:
    with pytest.raises(DemoError, match="/validate/nothing answered HTTP 404: no entry"):
        certified.post("validate/nothing", {})


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Server]:
    with running_server(demo.DOCUMENTS, OBJECTS, tmp_path, "") as server:
        yield server
