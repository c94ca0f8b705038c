"""The authorizer of the vectors: it allows all but a few verbs and spells out what it was asked."""

from __future__ import annotations

import re

from webhook.cel.functions.authorizer import (
    Authorizer,
    Decision,
    PathCheck,
    ResourceCheck,
    ServiceAccount,
)

_ANSWERS: dict[str, Decision] = {
    "deny": Decision(allowed=False, reason="denied because"),
    "noop": Decision(allowed=False),
    "err": Decision(allowed=False, error="boom"),
}
_LABEL = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_BAD_LABEL = (
    'unable to parse requirement: <nil>: Invalid value: "{}": name part must consist of '
    "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def answer(check: PathCheck | ResourceCheck, verb: str) -> Decision:
    """Answer one check."""
    found = _ANSWERS.get(verb)
    return Decision(allowed=True, reason=_spelled(check, verb)) if found is None else found


def _user(account: ServiceAccount | None) -> str:
    if account is None:
        return "u=alice groups=[dev]"
    return f"u={account.username} groups=[{' '.join(account.groups)}]"


def _spelled(check: PathCheck | ResourceCheck, verb: str) -> str:
    head = f"{_user(check.authorizer.service_account)} verb={verb}"
    if isinstance(check, PathCheck):
        return (
            f'{head} g="" v="" r=""/"" ns="" n="" path="{check.path}" res=false '
            "fs=[]/<nil> ls=/<nil>"
        )
    return (
        f'{head} g="{check.group}" v="*" r="{check.resource}"/"{check.subresource}" '
        f'ns="{check.namespace}" n="{check.name}" path="" res=true '
        f"fs={_fields(check.field_selector)} ls={_labels(check.label_selector)}"
    )


def _fields(selector: str) -> str:
    parts = (part.partition("=") for part in selector.split(",") if part)
    return f"[{' '.join(f'{{= {key} {value}}}' for key, _, value in parts)}]/<nil>"


def _labels(selector: str) -> str:
    parts = re.findall(r"[^,(]+(?:\([^)]*\))?", selector)
    for part in parts:
        key = re.split(r"[=! ]", part)[0]
        if not _LABEL.fullmatch(key):
            return "/" + _BAD_LABEL.format(key)
    return f"{', '.join(parts)}/<nil>"


def make_authorizer() -> Authorizer:
    """Make the authorizer that the vectors were recorded with."""
    return Authorizer(answer)
