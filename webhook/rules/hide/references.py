"""What no entry of the catalogue can say: hosts of an Ingress, sources in other Namespaces.

Only for what is written now; what is stored like this may stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from webhook.model import AdmissionRequest, Json
from webhook.objects.paths import Path, get
from webhook.objects.selectors import glob
from webhook.rules.hide.entries import PRESETS, Entry
from webhook.rules.hide.notes import Note, Verb, Walk

HOST = Entry("spec.rules[*].host", "O", *PRESETS["lock"], reason="hosts of the Namespace")
SOURCE = Entry(
    "spec.dataSourceRef.namespace", "O", *PRESETS["lock"], reason="data of another Namespace"
)


def check_references(request: AdmissionRequest, walk: Walk) -> None:
    """Note what an Ingress or a PersistentVolumeClaim may not refer to."""
    if "O" in walk.writable:
        return
    if request.kind.kind == "Ingress":
        _check_hosts(request, walk)
    elif request.kind.kind == "PersistentVolumeClaim":
        _check_source(request, walk)


def _check_hosts(request: AdmissionRequest, walk: Walk) -> None:
    suffixes = [
        suffix
        for one in walk.spec.ingress_hosts
        if any(glob(text, walk.namespace) for text in one.namespaces)
        for suffix in one.suffixes
    ]
    if not suffixes:
        return
    stored = {host for _, host in _hosts(request.old_object)}
    for path, host in _hosts(request.object):
        if host not in stored and not any(_is_below(host, suffix) for suffix in suffixes):
            shown = host or "a rule for every host"
            text = f"{path}: {shown} is not allowed here; allowed: {', '.join(suffixes)}"
            walk.notes.append(Note(Verb.DENIED, ("spec", "rules"), HOST, detail=text))


def _hosts(value: Json) -> Iterator[tuple[str, str]]:
    rules = get(value, ("spec", "rules"))
    for at, rule in enumerate(rules if isinstance(rules, list) else ()):
        yield f"spec.rules[{at}].host", str(get(rule, ("host",)) or "")


def _is_below(host: str, suffix: str) -> bool:
    domain = suffix.lstrip(".")
    return host == domain or host.endswith(f".{domain}")


def _check_source(request: AdmissionRequest, walk: Walk) -> None:
    path: Path = ("spec", "dataSourceRef", "namespace")
    new, old = get(request.object, path), get(request.old_object, path)
    if new and new not in (old, request.namespace):
        text = f"spec.dataSourceRef.namespace: data of Namespace {new} is out of reach"
        walk.notes.append(
            Note(Verb.DENIED, ("spec", "dataSourceRef", "namespace"), SOURCE, detail=text)
        )
