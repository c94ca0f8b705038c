"""The same policies as native objects and as documents of Propylon, there and back.

Texts that need no change stay as they are, comments included. What a cluster added to an object
(uid, managedFields, status and the like) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from webhook.documents import Item, parse_document
from webhook.documents.values import read_yaml
from webhook.kinds import POLICY_GROUP
from webhook.model import Document, Json
from webhook.offline.writing import to_yaml

MOST_BYTES = 900_000
"""Of the data of one ConfigMap; the API server takes 1 MiB in all."""

SERVER_FIELDS = frozenset(
    (
        *("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"),
        *("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"),
    )
)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_NOT_IN_KEYS = re.compile(r"[^-._a-zA-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Export:
    """Native YAML, and the documents that have no native form."""

    text: str
    exported: int
    left_out: tuple[Item, ...]


def export(documents: Iterable[Document]) -> Export:
    """Return the policies and bindings of the documents as native objects."""
    texts: list[str] = []
    left_out: list[Item] = []
    exported = 0
    for document in documents:
        items = parse_document(document)[0]
        native = [one for one in items if is_native(one)]
        left_out += [one for one in items if not is_native(one)]
        exported += len(native)
        if native:
            texts.append(text_of(document, native, len(items)))
    return Export("---\n".join(texts), exported, tuple(left_out))


def is_native(item: Item) -> bool:
    """Tell whether the API server itself knows the kind."""
    return item.api_version.startswith(f"{POLICY_GROUP}/")


def text_of(document: Document, items: Sequence[Item], count: int) -> str:
    """Return the text of these of a document's `count` items: the original one, if it will do."""
    is_whole = len(items) == count == _documents(document.text)
    if is_whole and all(cleaned(one.value) == one.value for one in items):
        body = re.sub(r"\A---[ \t]*\n", "", document.text)
        if not re.search(r"^(%|\.\.\.)", body, re.MULTILINE):
            return body.rstrip("\n") + "\n"
    return to_yaml(cleaned(one.value) for one in items)


def _documents(text: str) -> int:
    return sum(isinstance(one.value, dict) and "items" not in one.value for one in read_yaml(text))


def cleaned(value: Json) -> Json:
    """Return an object without what a cluster added to it."""
    metadata = {key: one for key, one in value["metadata"].items() if key not in SERVER_FIELDS}
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        kept = {key: one for key, one in annotations.items() if key != LAST_APPLIED}
        metadata = {key: one for key, one in metadata.items() if key != "annotations"}
        metadata |= {"annotations": kept} if kept else {}
    kept = {key: one for key, one in value.items() if key != "status"}
    return {**kept, "metadata": metadata}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the ConfigMaps go, and the prefix of their label."""

    name: str
    namespace: str = "propylon-policies"
    prefix: str = "propylon.dev"


def publish(documents: Sequence[Document], target: Target) -> tuple[Json, ...]:
    """Return labelled ConfigMaps with all documents; several when one would be too large."""
    entries: dict[str, str] = {}
    for document in documents:
        for key, text in _entries(document):
            entries[_free(key, entries)] = text
    return tuple(_config_map(data, target, at) for at, data in enumerate(_packed(entries), start=1))


def _entries(document: Document) -> Iterator[tuple[str, str]]:
    """Yield key and text: a file as a whole, a list from a cluster policy by policy."""
    items = parse_document(document)[0]
    if not items:
        return
    text = text_of(document, items, len(items))
    if _documents(document.text) == len(items):
        yield key_of(document.origin), text
        return
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(_policy_name(item), []).append(item)
    for name, members in groups.items():
        yield key_of(name), to_yaml(cleaned(one.value) for one in members)


def _policy_name(item: Item) -> str:
    """Return the policy that a binding belongs to, or the item's own name."""
    spec = item.value.get("spec")
    name = spec.get("policyName") if isinstance(spec, dict) else None
    return str(name or item.name)


def key_of(origin: str) -> str:
    """Return a ConfigMap's key for a file or a name: the last folder and the file's name."""
    parts = [part for part in PurePath(origin).parts if part not in ("/", ".", "..")][-2:]
    name = _NOT_IN_KEYS.sub("-", ".".join(parts)).strip("-.") or "policies"
    return f"{name.removesuffix('.yaml').removesuffix('.yml').removesuffix('.json')[:240]}.yaml"


def _free(key: str, taken: dict[str, str]) -> str:
    stem, at, found = key.removesuffix(".yaml"), 1, key
    while found in taken:
        at += 1
        found = f"{stem}-{at}.yaml"
    return found


def _packed(entries: dict[str, str]) -> Iterator[dict[str, str]]:
    data: dict[str, str] = {}
    size = 0
    for key, text in entries.items():
        length = len(key) + len(text.encode())
        if data and size + length > MOST_BYTES:
            yield data
            data, size = {}, 0
        data[key] = text
        size += length
    if data:
        yield data


def _config_map(data: dict[str, str], target: Target, at: int) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": target.name if at == 1 else f"{target.name}-{at}",
            "namespace": target.namespace,
            "labels": {f"{target.prefix}/policies": "true"},
        },
        "data": data,
    }
