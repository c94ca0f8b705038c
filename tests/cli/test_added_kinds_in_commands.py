"""Commands know the kinds that Actors documents add (platform-rules F.2)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.calling import call

ACTORS = """
apiVersion: propylon.dev/v1
kind: Actors
metadata: {name: games}
spec:
  kinds:
    - group: game.example.com
      kind: GameServer
      resource: servers
      podSpecPaths: [/spec/template/spec]
"""
ENV = """
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: cluster}
spec: {level: template, env: [{name: CLUSTER, value: cn-1}]}
"""
SERVER = """
apiVersion: game.example.com/v1
kind: GameServer
metadata: {name: web}
spec:
  template:
    spec:
      nodeSelector: {pool: gpu}
      containers: [{name: app, image: "app:1"}]
"""
HIDE = """
apiVersion: propylon.dev/v1
kind: HiddenFields
metadata: {name: default}
spec: {phase: warn}
"""
CASES = """
cases:
  - name: variables come into its template
    object: &server
      apiVersion: game.example.com/v1
      kind: GameServer
      metadata: {name: web}
      spec: {template: {spec: {containers: [{name: app, image: "app:1"}]}}}
    expect:
      allowed: true
      contains:
        spec: {template: {spec: {containers: [{name: app, image: "app:1", env: [{name: CLUSTER, value: cn-1}]}]}}}
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    for name, text in (("actors", ACTORS), ("env", ENV), ("hide", HIDE)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "server.yaml"
    path.write_text(SERVER)
    return path


def test_view_hides_what_is_hidden_in_its_template(policies: Path, manifest: Path) -> None:
    result = call("view", "--file", manifest, "--policies", policies)
    shown = yaml.safe_load(result.stdout)
    assert shown["spec"]["template"]["spec"] == {"containers": [{"name": "app", "image": "app:1"}]}


def test_view_takes_out_what_other_rules_put_in(policies: Path, tmp_path: Path) -> None:
    path = tmp_path / "injected.yaml"
    path.write_text(SERVER.replace('"app:1"', '"app:1", env: [{name: CLUSTER, value: cn-1}]'))
    shown = yaml.safe_load(call("view", "--file", path, "--policies", policies).stdout)
    (app,) = shown["spec"]["template"]["spec"]["containers"]
    assert "env" not in app


def test_view_needs_no_hidden_fields_document(policies: Path, manifest: Path) -> None:
    (policies / "hide.yaml").unlink()
    shown = yaml.safe_load(call("view", "--file", manifest, "--policies", policies).stdout)
    assert "nodeSelector" not in shown["spec"]["template"]["spec"]


def test_scan_sends_it_to_the_rules(policies: Path, manifest: Path) -> None:
    result = call("scan", manifest, "--policies", policies, "--fail-on", "warn")
    assert result.exit_code == 1
    assert "nodeSelector" in result.stdout


def test_rights_name_its_resource(policies: Path) -> None:
    result = call("scan", "--rights", "--policies", policies)
    rules = [one for role in yaml.safe_load_all(result.stdout) for one in role["rules"]]
    (found,) = (one for one in rules if one["apiGroups"] == ["game.example.com"])
    assert found == {"apiGroups": ["game.example.com"], "resources": ["servers"], "verbs": ["list"]}


def test_cases_send_it_to_the_rules(policies: Path) -> None:
    (policies / "hide.yaml").unlink()
    (policies / "tests.yaml").write_text(CASES)
    result = call("test", policies)
    assert result.exit_code == 0, result.stdout
