"""Kinds that an Actors document adds to the registry (platform-rules F.2): shape, errors, rows.

A kind that is built in is never replaced. Which rules treat an added one follows from what its entry
says, in each rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from webhook.objects.paths import Elements, Key, Path, PathError, Pattern, parse_path
from webhook.objects.workloads import (
    BUILT_IN_KINDS,
    WITHOUT_TEMPLATE,
    WorkloadKind,
    plural_of,
)
from webhook.rules.schema import Model

ANY_VERSION = ("*",)

_GROUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*")
_RESOURCE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_VERSION = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?")

Found = Iterator[tuple[Path, str]]
"""(path below the entry, message) of each error."""

Place = tuple[Key | Elements, ...]


class KindSettings(Model):
    """A kind of workload that is not built in.

    Paths are JSON pointers, such as `/spec/tasks/*/template/spec`, or in dots:
    `spec.tasks[*].template.spec`.
    """

    group: str
    """The API group, without version."""
    kind: str
    resource: str | None = None
    """The plural, as in URLs; guessed from the kind when not given."""
    versions: tuple[str, ...] = ()
    """The served versions, the preferred one first; all when none is given."""
    pod_spec_paths: tuple[str, ...] = ()
    """Where Pod templates have their `spec`; `*` stands for every element of a list."""
    selector_path: str | None = None
    """The selector of its Pods; with it and replicasPath, replicas are spread (rule D)."""
    replicas_path: str | None = None
    """The wanted number of Pods."""
    status_replicas_path: str | None = None
    """The number of Pods that there are."""
    hash_label: str | None = None
    """The label that tells the Pods of each revision apart."""
    owns_children: tuple[str, ...] = ()
    """Kinds that the garbage collector deletes after it, written as Kind or Kind.group."""
    immutable_template: bool = False
    """The API lets nobody change the template, as with a Job."""


def kind_errors(given: KindSettings) -> Found:
    """Yield everything that is wrong with one entry by itself."""
    key = given.group, given.kind
    if BUILT_IN_KINDS.find(*key) or key in WITHOUT_TEMPLATE:
        yield ("kind",), f"{given.kind} of {given.group or 'the core group'} is built in"
        return
    yield from _name_errors(given)
    yield from _template_errors(given)
    fields = ("selector_path", "replicas_path", "status_replicas_path")
    for name in fields:
        text = getattr(given, name)
        if text is not None:
            yield from _scalar_errors(KindSettings.model_fields[name].alias or name, text)


def _name_errors(given: KindSettings) -> Found:
    if not _GROUP.fullmatch(given.group):
        yield ("group",), "must be an API group with a dot, such as apps.example.com"
    if not _KIND.fullmatch(given.kind):
        yield ("kind",), "must be a kind as manifests write it, such as GameServer"
    if given.resource is not None and not _RESOURCE.fullmatch(given.resource):
        yield ("resource",), "must be a plural as in URLs, such as gameservers"
    for at, version in enumerate(given.versions):
        if not _VERSION.fullmatch(version):
            yield ("versions", at), "must be a version, such as v1 or v1beta1"
    if given.hash_label is not None and not _LABEL_KEY.fullmatch(given.hash_label):
        yield ("hashLabel",), "is no label key; write name or dns.prefix/name"


def _template_errors(given: KindSettings) -> Found:
    places: list[tuple[int, Place]] = []
    for at, text in enumerate(given.pod_spec_paths):
        try:
            places.append((at, _template_place(text)))
        except PathError as error:
            yield ("podSpecPaths", at), error.message
    ordered = sorted(places, key=lambda pair: list(map(str, pair[1])))
    for (_, outer), (at, inner) in pairwise(ordered):
        if inner[: len(outer)] == outer:
            yield ("podSpecPaths", at), "lies in the template of another one"


def _scalar_errors(field: str, text: str) -> Found:
    try:
        _scalar(text)
    except PathError as error:
        yield (field,), error.message


def added_kind(given: KindSettings) -> WorkloadKind:
    """Return the row of an entry without errors."""
    return WorkloadKind(
        group=given.group,
        versions=given.versions or ANY_VERSION,
        kind=given.kind,
        resource=given.resource or plural_of(given.kind),
        template_paths=tuple(
            Pattern(text, "", _template_place(text)) for text in given.pod_spec_paths
        ),
        selector_path=_scalar(given.selector_path),
        replicas_path=_scalar(given.replicas_path),
        status_replicas_path=_scalar(given.status_replicas_path),
        hash_label=given.hash_label or "",
        has_scale=given.replicas_path is not None,
        is_template_immutable=given.immutable_template,
        owns=given.owns_children,
    )


def unknown_children(given: KindSettings, added: Sequence[WorkloadKind]) -> Found:
    """Yield the children that no row of the registry, and no rule, knows."""
    known = {*BUILT_IN_KINDS.by_name, *WITHOUT_TEMPLATE, *(row.key for row in added)}
    for at, text in enumerate(given.owns_children):
        kind, dot, group = text.partition(".")
        if not any(name == kind and (not dot or its == group) for its, name in known):
            yield ("ownsChildren", at), f"{text} is unknown; add it to spec.kinds as well"


def _template_place(text: str) -> Place:
    """Return where the template is whose `spec` a path names; raise PathError."""
    steps = _steps(text)
    if not steps or steps[-1] != Key("spec"):
        raise PathError("must end with the spec of a Pod template", text, 0)
    return steps[:-1]


def _scalar(text: str | None) -> Path:
    steps = _steps(text) if text is not None else ()
    names = [step.name for step in steps if isinstance(step, Key) and "*" not in step.name]
    if text is not None and (not names or len(names) < len(steps)):
        raise PathError("must name one field; * is for podSpecPaths", text, 0)
    return tuple(names)


def _steps(text: str) -> Place:
    if text.startswith("/"):
        return tuple(map(_step, text[1:].split("/")))
    pattern = parse_path(text)
    if pattern.root or any(isinstance(one, Elements) and one.conditions for one in pattern.steps):
        raise PathError("is made of keys and * only, from the root of the object", text, 0)
    return pattern.steps


def _step(text: str) -> Key | Elements:
    if text == "*":
        return Elements()
    if not text or text.isdecimal():
        raise PathError("needs a key between slashes; * stands for all elements", text, 0)
    return Key(text.replace("~1", "/").replace("~0", "~"))
