"""paramKind and paramRef of documents: checks, defaults, records (kubernetes-cel.md 2.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from webhook.objects.paths import Path
from webhook.policy.formats import dns_1035_label, dns_1123_subdomain, path_segment
from webhook.policy.match_resources import read_selector
from webhook.policy.model import ALLOW, DENY, ParamKind, ParamRef
from webhook.policy.report import Report

Value = Mapping[str, Any]


def read_param_kind(value: Value | None, path: Path, report: Report) -> ParamKind | None:
    """Check a paramKind; None when there is none."""
    if value is None:
        return None
    api_version, kind = value.get("apiVersion") or "", value.get("kind") or ""
    if not api_version:
        report.required((*path, "apiVersion"))
    for problem in _api_version_problems(api_version) if api_version else ():
        report.invalid((*path, "apiVersion"), api_version, problem)
    if not kind:
        report.required((*path, "kind"))
    for problem in dns_1035_label(kind.lower()) if kind else ():
        why = f"may have mixed case, but should otherwise match: {problem}"
        report.invalid((*path, "kind"), kind, why)
    return ParamKind(api_version, kind)


def _api_version_problems(api_version: str) -> Iterator[str]:
    if api_version.count("/") > 1:
        yield f"unexpected GroupVersion string: {api_version}"
        return
    group, _, version = api_version.rpartition("/")
    if group:
        yield from dns_1123_subdomain(group)
    if version:
        yield from dns_1035_label(version)
    else:
        yield "version must be specified"


def read_param_ref(
    value: Value | None, default_action: str, path: Path, report: Report
) -> ParamRef | None:
    """Check a paramRef; `default_action` is the parameterNotFoundAction of the API version."""
    if value is None:
        return None
    name, selector = value.get("name") or "", value.get("selector")
    for problem in path_segment(name):
        report.invalid((*path, "name"), name, problem)
    if name and selector is not None:
        for key in ("name", "selector"):
            report.forbidden((*path, key), "name and selector are mutually exclusive")
    if not name and selector is None:
        report.required(path, "one of name or selector must be specified")
    action = value.get("parameterNotFoundAction") or default_action
    _check_action(action, (*path, "parameterNotFoundAction"), report)
    if selector is not None:
        selector = read_selector(selector, (*path, "selector"), report)
    return ParamRef(name, value.get("namespace") or "", selector, action)


def _check_action(action: str, path: Path, report: Report) -> None:
    if not action:
        report.required(path, "write Allow or Deny")
    elif action not in {ALLOW, DENY}:
        report.not_supported(path, action, (ALLOW, DENY))
