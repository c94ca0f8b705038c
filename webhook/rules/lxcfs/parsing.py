"""One LxcfsInjection document → all its errors: what the model of its shape cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath

from webhook.documents import Item
from webhook.model import ConfigError
from webhook.objects.paths import Path
from webhook.rules.lxcfs.files import BY_PATH, FILES, obstacles
from webhook.rules.lxcfs.settings import LxcfsInjectionDocument, LxcfsInjectionSpec
from webhook.rules.schema import parse_model

SYSTEM_DIRECTORIES = frozenset((
    "/", "/boot", "/dev", "/etc", "/home", "/proc", "/root", "/run", "/sys", "/usr", "/var",
    "/var/lib", "/var/run",
))  # fmt: skip
"""Mounting one of these would show the node to every container."""

_VERSION = re.compile(r"[1-9][0-9]?(\.[0-9]{1,3}){0,2}")

Found = Iterator[tuple[Path, str]]
"""(path below `spec`, message) of each error."""


def parse(item: Item) -> tuple[ConfigError, ...]:
    """Return all errors of one document; none means that it can be built."""
    document, errors = parse_model(item, LxcfsInjectionDocument)
    if document is None:
        return errors
    version = document.spec.lxcfs_version
    if version is not None and not _VERSION.fullmatch(version):
        return (item.error(("spec", "lxcfsVersion"), "must be a version, such as 6.0"),)
    checks = (_file_errors, _named_errors, _directory_errors, _key_value_errors)
    return tuple(
        item.error(("spec", *path), message)
        for check in checks
        for path, message in check(document.spec)
    )


def _file_errors(spec: LxcfsInjectionSpec) -> Found:
    if spec.profile != "custom":
        if spec.files:
            yield ("files",), "only profile custom has files; the other profiles name their own"
        return
    if not spec.files:
        yield ("files",), "profile custom needs at least one file"
    for index, path in enumerate(spec.files):
        file = BY_PATH.get(path)
        if file is None:
            known = ", ".join(one.path for one in FILES if not one.danger)
            yield ("files", index), f"lxcfs has no such file; allowed: {known}"
        elif file.danger and not spec.allow_unsafe:
            yield ("files", index), f"{file.danger} (allowUnsafe: true accepts)"
        if path in spec.files[:index]:
            yield ("files", index), "the file is given twice"


def _named_errors(spec: LxcfsInjectionSpec) -> Found:
    """Yield the files that a document asks for by name, and that its nodes cannot offer."""
    named: list[tuple[Path, str]] = [(("files", at), path) for at, path in enumerate(spec.files)]
    named += [(("loadavg",), "/proc/loadavg")] if spec.loadavg else []
    named += [(("diskstats",), "/proc/diskstats")] if spec.diskstats else []
    for place, path in named:
        file = BY_PATH.get(path)
        for reason in obstacles(file, spec) if file else ():
            yield place, f"{path} cannot be mounted: {reason}"


def _directory_errors(spec: LxcfsInjectionSpec) -> Found:
    for field, path in (("root", spec.root), ("reattachRoot", spec.reattach_root)):
        if not path.startswith("/") or normpath(path) != path:
            yield (field,), "must be an absolute path without '..', double or trailing slashes"
        elif path in SYSTEM_DIRECTORIES:
            yield (field,), "is a directory of the system; choose one that holds only lxcfs"


def _key_value_errors(spec: LxcfsInjectionSpec) -> Found:
    lists = (("virtualNodes", spec.pods.virtual_nodes), ("lxcfsLabels", spec.pods.lxcfs_labels))
    for field, texts in lists:
        for index, text in enumerate(texts):
            if not text.partition("=")[1]:
                yield ("pods", field, index), "must be key=value"
