"""What the pages show as output is what the commands print."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.calling import call

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)

POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: replicas
spec:
  matchConstraints:
    resourceRules:
      - apiGroups: [apps]
        apiVersions: [v1]
        operations: [CREATE]
        resources: [deployments]
  validations:
    - expression: objekt.spec.replicas <= 5
"""
WEB = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app.kubernetes.io/name: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "web:latest"}]}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app.kubernetes.io/name: web, team: shop}}
spec: {containers: [{name: app, image: "web:1.0"}]}
"""


def _outputs(page: str) -> list[str]:
    text = (ROOT / "docs" / "commands" / f"{page}.md").read_text(encoding="utf-8")
    return [
        one for one in BLOCK.findall(text) if not one.startswith(("$ ", "kubectl ", "propylon "))
    ]


SPREADING = (
    "apiVersion: propylon.dev/v1\nkind: Spreading\nmetadata: {{name: a}}\nspec: {{phase: {}}}\n"
)
NODES = "".join(
    f"apiVersion: v1\nkind: Node\nmetadata: {{name: n{at}, labels: {{kubernetes.io/hostname: n{at}}}}}\n---\n"
    for at in range(3)
)
ACTORS = "---\napiVersion: propylon.dev/v1\nkind: Actors\nmetadata: {name: a}\nspec: {operators: {groups: [operators]}}\n"
LEDGER = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ledger
  namespace: shop
  labels: {propylon.dev/tier: TIER, propylon.dev/exclusive: "true"}
spec:
  replicas: REPLICAS
  selector: {matchLabels: {app: ledger}}
  template: {metadata: {labels: {app: ledger}}, spec: {containers: [{name: app, image: "a:1"}]}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_error_of_check(place: Path) -> None:
    (place / "policy.yaml").write_text(POLICY)
    (expected,) = _outputs("check")
    assert expected in call("check", "policy.yaml").stdout


def test_explanation_of_eval(place: Path) -> None:
    (place / "manifests").symlink_to(ROOT / "manifests")
    expression = "object.spec.ports.all(p, p.port > 0 && p.name == 'admission')"
    words = ("--object", "manifests/40-service.yaml", "--explain")
    (expected,) = _outputs("eval")
    assert call("eval", expression, *words).stdout == expected


def test_table_of_scan(place: Path) -> None:
    for name in ("no-latest-tag", "required-labels", "env-identity"):
        shutil.copytree(ROOT / "policies" / name, place / "policies" / name)
    (place / "shop").mkdir()
    (place / "shop" / "web.yaml").write_text(WEB)
    (place / "shop" / "pod.yaml").write_text(POD)
    (expected,) = _outputs("scan")
    assert call("scan", "shop", "--policies", "policies").stdout == expected


def test_texts_of_rule_d(place: Path) -> None:
    """Each text of the page is told in one of these situations."""
    page = (ROOT / "docs" / "rules" / "spread.md").read_text(encoding="utf-8")
    (place / "nodes").mkdir()
    (place / "none").mkdir()
    (place / "nodes" / "nodes.yaml").write_text(NODES)
    told = ""
    for phase, tier, group, objects, replicas in (
        ("warn", "standard", "developers", "nodes", 3),
        ("enforce", "critical", "developers", "none", 3),
        ("enforce", "critical", "developers", "nodes", 1),
        ("enforce", "critical", "operators", "nodes", 6),
    ):
        (place / "documents").mkdir(exist_ok=True)
        (place / "documents" / "a.yaml").write_text(SPREADING.format(phase) + ACTORS)
        (place / "web.yaml").write_text(
            LEDGER.replace("REPLICAS", str(replicas)).replace("TIER", tier)
        )
        words = ("--policies", "documents", "--objects", objects, "--group", group)
        told += call("scan", "web.yaml", *words).output
    texts = re.findall(r"^\| `(spread: .*?)` \|", page, re.MULTILINE)
    assert texts
    assert [text for text in texts if text not in told] == [], told
