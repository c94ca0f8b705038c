"""SARIF 2.1.0, as code scanning services read it: one result for each finding."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import orjson

from webhook.model import Action
from webhook.offline.manifests import Manifest
from webhook.offline.scan import Finding, Scan

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Action.DENY: "error", Action.WARN: "warning", Action.AUDIT: "note"}


def sarif(scan: Scan) -> str:
    """Return the document."""
    found = [(one.manifest, finding) for one in scan.objects for finding in one.findings]
    rules = sorted({finding.policy for _, finding in found})
    problems = [*scan.problems, *(one.problem for one in scan.objects if one.problem)]
    invocation: dict[str, Any] = {"executionSuccessful": scan.complete}
    if problems:
        invocation["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": text}} for text in problems
        ]
    driver = {
        "name": "Propylon",
        "version": version("propylon"),
        "rules": [{"id": rule} for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": [_result(manifest, finding, rules) for manifest, finding in found],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _result(manifest: Manifest, finding: Finding, rules: list[str]) -> dict[str, Any]:
    name = f"{manifest.kind} {manifest.place}"
    location: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": name.replace(" ", "/"), "kind": "object"}]
    }
    if manifest.origin:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(manifest.origin)},
            "region": {"startLine": max(manifest.line, 1)},
        }
    return {
        "ruleId": finding.policy,
        "ruleIndex": rules.index(finding.policy),
        "level": LEVELS[finding.action],
        "message": {"text": f"{name}: {finding.message}"},
        "locations": [location],
    }
