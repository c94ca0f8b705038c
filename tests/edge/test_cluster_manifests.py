"""`propylon manifests`, and that the files which ship are what the code renders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.edge.documents import BROKEN, policy
from webhook.cli import command_line
from webhook.cli.manifests import FILES, HEADER, shipped_configurations

RUN = CliRunner()
ROOT = Path(__file__).parents[2]
STATIC = ROOT / "manifests" / "static"


def manifests(*words: str) -> tuple[int, str]:
    result = RUN.invoke(command_line(["manifests"]), ["manifests", *words])
    return result.exit_code, result.output


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.yaml").write_text(policy("a"))
    return folder


def client_configs(texts: str) -> list[Any]:
    return [
        hook["clientConfig"]
        for configuration in yaml.safe_load_all(texts)
        for hook in configuration["webhooks"]
    ]


def test_shipped_configurations_are_as_rendered() -> None:
    """Without the field `webhooks`, so that applying them again resets nothing."""
    file = ROOT / "manifests" / "70-webhookconfigurations.yaml"
    assert list(yaml.safe_load_all(file.read_text())) == shipped_configurations()


def test_static_configurations_are_as_rendered() -> None:
    code, output = manifests("--policies", str(ROOT / "policies"), "--out", str(STATIC), "--check")
    assert code == 0, output


def test_prints_both(policies: Path) -> None:
    code, output = manifests("--policies", str(policies))
    mutating, validating = yaml.safe_load_all(output)
    assert code == 0
    assert output.startswith(HEADER)
    assert mutating["kind"] == "MutatingWebhookConfiguration"
    assert [one["name"] for one in validating["webhooks"]] == [
        "policies.propylon.dev",
        "documents.propylon.dev",
        "documents-grants.propylon.dev",
    ]
    assert client_configs(output)[0] == {
        "service": {
            "name": "propylon",
            "namespace": "propylon-system",
            "path": "/validate/policies",
            "port": 443,
        }
    }


def test_flags_decide_how_the_server_is_reached(policies: Path, tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_bytes(b"CA")
    flags = ["--ca", str(authority), "--token", "secret", "--url", "https://127.0.0.1:9443"]
    _, output = manifests("--policies", str(policies), *flags)
    assert client_configs(output)[0] == {
        "caBundle": "Q0E=",
        "url": "https://127.0.0.1:9443/validate/policies/secret",
    }


def test_namespaces_are_those_of_the_installation(policies: Path) -> None:
    flags = ["--namespace", "platform", "--policy-namespace", "rules"]
    _, output = manifests("--policies", str(policies), *flags)
    assert client_configs(output)[0]["service"]["namespace"] == "platform"
    documents = list(yaml.safe_load_all(output))[1]["webhooks"][-1]
    assert documents["namespaceSelector"]["matchExpressions"][0]["values"] == ["rules"]


def test_writes_and_checks_files(policies: Path, tmp_path: Path) -> None:
    out = tmp_path / "static"
    words = ["--policies", str(policies), "--out", str(out)]
    assert manifests(*words)[0] == 0
    assert sorted(one.name for one in out.iterdir()) == sorted(FILES)
    assert manifests(*words, "--check") == (0, "")
    (policies / "b.yaml").write_text(policy("b", resource="services"))
    code, output = manifests(*words, "--check")
    assert code == 1
    assert "+    - services" in output
    assert f"render again, with --out {out}: validating.yaml" in output
    (out / "mutating.yaml").unlink()
    assert "mutating.yaml, validating.yaml" in manifests(*words, "--check")[1]


def test_documents_with_errors_render_nothing(policies: Path) -> None:
    (policies / "a.yaml").write_text(policy("a", BROKEN))
    code, output = manifests("--policies", str(policies))
    assert code == 2
    assert "propylon manifests: 1 error above" in output
    assert "a.yaml" in output


def test_check_needs_files_to_compare_with(policies: Path) -> None:
    code, output = manifests("--policies", str(policies), "--check")
    assert code == 2
    assert "--out" in output


@pytest.mark.parametrize("flag", ["--policies", "--ca"])
def test_missing_files_are_named(flag: str, policies: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none"
    words = ["--policies", str(policies)] if flag == "--ca" else []
    code, output = manifests(*words, flag, str(missing))
    assert code == 2
    assert missing.name in output.replace("\n", "")
