"""Compares what came back for a case with what it expects; differences are texts for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from webhook.model import Json
from webhook.objects.patch import diff
from webhook.objects.paths import dotted, get
from webhook.offline.cases import Expect
from webhook.offline.judging import Judgement

_ABSENT = object()


def differences(expect: Expect, judgement: Judgement) -> Iterator[str]:
    """Yield what is not as expected, each with what was found."""
    yield from _verdict(expect, judgement)
    yield from _warnings(expect.warnings, judgement.warnings)
    after = judgement.object_after
    if expect.object is not None:
        yield from _whole(expect.object, after)
    if expect.contains is not None:
        yield from _part(expect.contains, after, ())
    for name, wanted in expect.env.items():
        shown = tuple(_shown(one, wanted) for one in _field(after, name, "env"))
        if shown != wanted:
            yield f"env of {name}: expected {_list(wanted)}, found {_list(shown)}"
    for name, wanted in expect.mounts.items():
        paths = tuple(str(one.get("mountPath")) for one in _field(after, name, "volumeMounts"))
        if paths != wanted:
            yield f"mounts of {name}: expected {_list(wanted)}, found {_list(paths)}"
    yield from _annotations(expect.audit_annotations, judgement.audit_annotations)


def _verdict(expect: Expect, judgement: Judgement) -> Iterator[str]:
    messages = [one.message for one in judgement.denials]
    if expect.allowed and messages:
        yield f"expected to be allowed, was denied: {messages[0]}"
    elif not expect.allowed and not messages:
        yield "expected to be denied, was allowed"
    elif expect.message and not any(expect.message in one for one in messages):
        found = f", found {_list(messages)}" if messages else ", was allowed"
        yield f"expected a denial that says {expect.message!r}{found}"


def _warnings(wanted: tuple[str, ...], found: tuple[str, ...]) -> Iterator[str]:
    if len(wanted) == len(found) and all(map(str.__contains__, found, wanted)):
        return
    if wanted:
        yield f"warnings: expected {_list(wanted)}, found {_list(found) if found else 'none'}"
    else:
        yield f"expected no warning, found {_list(found)}"


def _annotations(wanted: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    for key, text in wanted.items():
        if text not in found.get(key, "") or key not in found:
            yield f"audit annotation {key}: expected {text!r}, found {found.get(key)!r}"


def _whole(wanted: Json, found: Json) -> Iterator[str]:
    for step in diff(without_empty(wanted), without_empty(found)):
        value = f" {_json(step['value'])}" if "value" in step else ""
        yield f"object afterwards: not as expected: {step['op']} {step['path']}{value}"


def without_empty(value: Json) -> Json:
    """Return a value without nulls, empty maps and empty lists."""
    if isinstance(value, dict):
        pairs = ((key, without_empty(one)) for key, one in value.items())
        return {key: one for key, one in pairs if one not in (None, {}, [])}
    if isinstance(value, list):
        return [without_empty(one) for one in value]
    return value


def _part(wanted: Json, found: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Compare maps by the keys that are wanted, lists element by element."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, one in wanted.items():
            yield from _part(one, found.get(key, _ABSENT), (*path, key))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for at, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _part(one, other, (*path, at))
    elif wanted != found:
        shown = "nothing" if found is _ABSENT else _json(found)
        yield f"object afterwards: {dotted(path)}: expected {_json(wanted)}, found {shown}"


def _field(value: Json, container: str, field: str) -> list[Any]:
    """Return a list of the Pod's container with that name; empty when there is none."""
    spec = get(value, ("spec",))
    for kind in ("containers", "initContainers"):
        containers = get(spec, (kind,))
        for one in containers if isinstance(containers, list) else ():
            if get(one, ("name",)) == container:
                found = get(one, (field,))
                return [part for part in found or () if isinstance(part, dict)]
    return []


def _shown(variable: Any, texts: tuple[str, ...]) -> str:
    full = f"{variable.get('name')}={variable.get('value')}"
    return full if full in texts else str(variable.get("name"))


def _json(value: Json) -> str:
    return orjson.dumps(value).decode()


def _list(texts: tuple[str, ...] | list[str]) -> str:
    return "; ".join(map(repr, texts)) if texts else "none"
