"""What a scan found, as a table for people, as JSON, SARIF and JUnit for programs."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from webhook.model import Action
from webhook.offline.junit import JunitCase, junit
from webhook.offline.sarif import sarif
from webhook.offline.scan import SEVERITY, Finding, Scan, Scanned
from webhook.offline.screen import counted, print_line, write_table

STYLES = {Action.DENY: "red", Action.WARN: "yellow", Action.AUDIT: ""}

Writer = Callable[[Scan, Action], None]
"""Prints a scan; the action is the mildest that counts as a failure."""


def write_findings(scan: Scan, _failure: Action) -> None:
    """Print the findings, the worst of each object first, then counts."""
    rows: list[tuple[str, ...]] = []
    styles: list[str] = []
    for one in scan.objects:
        if one.findings:
            rows.append((_name(one),))
            rows += [(f"  {f.action}", f.policy, f.message) for f in one.findings]
            styles += ["bold", *(STYLES[f.action] for f in one.findings)]
    write_table(("  ACTION", "POLICY", "MESSAGE"), rows, styles)
    if rows:
        print_line()
    print_line(_counts(scan))


def _name(one: Scanned) -> str:
    manifest = one.manifest
    place = f" ({manifest.origin}:{manifest.line})" if manifest.origin else ""
    return f"{manifest.kind} {manifest.place}{place}"


def _counts(scan: Scan) -> str:
    counts = {
        "denied": sum(one.has(Action.DENY) for one in scan.objects),
        "warned about": sum(_is_worst(one, Action.WARN) for one in scan.objects),
        "audited": sum(_is_worst(one, Action.AUDIT) for one in scan.objects),
        "changed": sum(one.changed for one in scan.objects),
    }
    parts = [f"{count} would be {what}" for what, count in counts.items() if count]
    found = ", ".join(parts) or "nothing found"
    return f"{counted(len(scan.objects), 'object')} scanned: {found}"


def _is_worst(one: Scanned, action: Action) -> bool:
    return bool(one.findings) and one.findings[0].action is action


def write_json(scan: Scan, _failure: Action) -> None:
    """Print one JSON object."""
    value = {
        "objects": [_object(one) for one in scan.objects],
        "problems": list(scan.problems),
        "complete": scan.complete,
    }
    print_line(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _object(one: Scanned) -> dict[str, object]:
    value, metadata = one.manifest.value, one.manifest.value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return {
        "file": one.manifest.origin,
        "line": one.manifest.line,
        "apiVersion": value["apiVersion"],
        "kind": value["kind"],
        "namespace": metadata.get("namespace") or "",
        "name": metadata.get("name") or "",
        "changed": one.changed,
        "problem": one.problem,
        "findings": [_finding(finding) for finding in one.findings],
    }


def _finding(one: Finding) -> dict[str, str]:
    return {
        "action": str(one.action),
        "policy": one.policy,
        "message": one.message,
        "path": one.path,
    }


def write_sarif(scan: Scan, _failure: Action) -> None:
    """Print SARIF 2.1.0."""
    print_line(sarif(scan))


def write_junit(scan: Scan, failure: Action) -> None:
    """Print JUnit XML: one case for each object; what is no failure is its output."""
    cases = [_case(one, failure) for one in scan.objects]
    cases += [JunitCase("scan", "not scanned", (text,)) for text in scan.problems]
    print_line(junit("propylon scan", cases))


def _case(one: Scanned, failure: Action) -> JunitCase:
    failed = [f"{f.policy}: {f.message}" for f in one.findings if fails(f, failure)]
    others = [f"{f.action} {f.policy}: {f.message}" for f in one.findings if not fails(f, failure)]
    problems = [one.problem] if one.problem else []
    manifest = one.manifest
    return JunitCase(
        manifest.kind,
        manifest.place,
        (*problems, *failed),
        manifest.origin,
        manifest.line,
        "\n".join(others),
    )


def fails(finding: Finding, failure: Action) -> bool:
    """Tell whether a finding is at least as bad as what counts as a failure."""
    return SEVERITY[finding.action] <= SEVERITY[failure]
