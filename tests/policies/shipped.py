"""The shipped policies as the tests of this folder read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
POLICIES = ROOT / "policies"
FOLDERS = tuple(sorted(path.parent for path in POLICIES.glob("*/policy.yaml")))
POLICY = "ValidatingAdmissionPolicy"

Value = dict[str, Any]


def documents(folder: Path) -> dict[str, Value]:
    """Return the documents of a folder by their kind."""
    found = yaml.safe_load_all((folder / "policy.yaml").read_text())
    return {one["kind"]: one for one in found}


CEL = {
    folder.name: (found[POLICY], found[f"{POLICY}Binding"])
    for folder in FOLDERS
    if POLICY in (found := documents(folder))
}
"""Folder → its policy and binding; rule documents are left out."""


def rules_of(policy: Value) -> set[str]:
    """Return the resources that a policy is about."""
    rules = policy["spec"]["matchConstraints"]["resourceRules"]
    return {name for rule in rules for name in rule["resources"]}


def named(entries: list[Value]) -> dict[str, str]:
    """Return the expressions of variables or matchConditions by their names."""
    return {one["name"]: one["expression"] for one in entries}
