"""The demo: a real server over TLS, and what a person reads."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from webhook.cli import command_line, demo


def test_demo_shows_every_kind_of_answer_and_the_ledger(
    capfd: pytest.CaptureFixture[str],
) -> None:
    command_line(["demo"])(["demo"], standalone_mode=False)
    output, errors = capfd.readouterr()
    assert errors == ""
    scenes = output.split("\n\n")
    assert "\x1b" not in output  # no colours where nobody sees them
    assert "https://127.0.0.1:" in scenes[0]
    assert scenes[1].splitlines()[1:] == ["   ALLOWED, silently"]
    assert "ALLOWED, changed" in scenes[2]
    assert "+    - name: POD_NAME" in scenes[2]
    assert "+    - {name: lxcfs-cpuinfo, mountPath: /proc/cpuinfo, readOnly: true}" in scenes[2]
    assert "-    - {name: CLUSTER, value: local}" in scenes[2]
    assert "DENIED" in scenes[3]
    assert "app (registry.example.com/shop/search:latest)" in scenes[3]
    assert "ALLOWED, with warnings" in scenes[4]
    assert scenes[4].count("Warning: ") == 2
    assert "DENIED" in scenes[5]
    assert "kubectl annotate namespace shop" in scenes[5]
    assert scenes[6].count("denied") == 2
    assert "no-latest-tag" in scenes[6]
    assert "protect-namespaces" in scenes[6]


def test_colours_are_used_on_a_terminal() -> None:
    scene = demo.scenes()[0]
    for verdict, answer in {
        "\x1b[1;31mDENIED": demo.Answer(scene.value, denials=["policies.propylon.dev: no"]),
        "\x1b[1;33mALLOWED, changed": demo.Answer({**scene.value, "kind": "Other"}),
        "\x1b[1;32mALLOWED": demo.Answer(scene.value, warnings=["careful"]),
    }.items():
        output = io.StringIO()
        demo.show(
            Console(file=output, force_terminal=True, color_system="standard", _environ={}),
            1,
            scene,
            answer,
        )
        assert verdict in output.getvalue()


def test_pod_is_what_the_controller_sends() -> None:
    deployment = demo.scenes()[0].value
    pod = demo.pod_of(deployment)
    assert "name" not in pod["metadata"]
    assert pod["metadata"]["generateName"] == "checkout-7c9d8f6b5-"
    assert pod["metadata"]["ownerReferences"][0]["controller"] is True
    assert len(pod["spec"]["containers"]) == 3
    assert "pod-template-hash" not in deployment["spec"]["template"]["metadata"]["labels"]


def test_server_that_does_not_start_is_said(tmp_path: Path) -> None:
    words = ["demo", "--policies", str(tmp_path / "missing")]
    result = CliRunner().invoke(command_line(words), words)
    assert result.exit_code == 1
    assert "propylon demo: the server did not start" in result.stderr
    assert "missing does not exist" in result.stderr


def test_answer_that_is_no_verdict_ends_the_demo(certified: demo.Server) -> None:
    with pytest.raises(demo.DemoError, match="/validate/nothing answered HTTP 404: no entry"):
        certified.post("validate/nothing", {})
