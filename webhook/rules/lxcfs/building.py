"""Accepted LxcfsInjection documents → the Config of the one that is in force."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from webhook.documents import Item
from webhook.model import ConfigError, Platform
from webhook.rules.actors import Actors
from webhook.rules.lxcfs.config import Config, Source
from webhook.rules.lxcfs.files import (
    BY_PATH,
    COMPAT_DENVERDINO,
    FILES,
    STANDARD,
    LxcfsFile,
    obstacles,
)
from webhook.rules.lxcfs.settings import LxcfsInjectionDocument, LxcfsInjectionSpec

GENERATION_DIGITS = 8
REATTACH_NAME = "lxcfs-root"


def build(
    items: tuple[Item, ...], actors: Actors, platform: Platform
) -> tuple[Config, tuple[ConfigError, ...]]:
    """Return the configuration of rule C; every item has passed `parse`.

    One document is in force: the first by name that is not off. Another one is an error.
    """
    found = [(item, LxcfsInjectionDocument.model_validate_json(item.text).spec) for item in items]
    found.sort(key=lambda pair: (pair[1].phase == "off", pair[0].name))
    (item, spec), *others = found
    config = Config(
        name=item.name,
        generation=hashlib.sha256(item.text.encode()).hexdigest()[:GENERATION_DIGITS],
        prefix=platform.prefix,
        settings=spec,
        sources=tuple(_sources(spec)),
        actors=actors,
    )
    message = f"{item.name} is in force already, and only one can be; set phase: off in one of them"
    errors = (other.error(("spec",), message) for other, its in others if its.phase != "off")
    return config, tuple(errors)


def _sources(spec: LxcfsInjectionSpec) -> Iterator[Source]:
    if spec.reattach:
        parent = spec.reattach_root
        yield _source(REATTACH_NAME, parent, "Directory", parent, "HostToContainer")
    root = f"{spec.reattach_root}/lxcfs" if spec.reattach else spec.root
    for file in _files(spec):
        kind = file.kind if spec.host_path_type else ""
        yield _source(f"lxcfs-{file.name}", f"{root}{file.path}", kind, file.path)


def _source(name: str, host_path: str, kind: str, path: str, propagation: str = "") -> Source:
    digest = hashlib.sha256(f"{path}\0{host_path}".encode()).hexdigest()
    hashed = tuple(f"{name}-{digest[:length]}" for length in (6, 12, 24))
    return Source(name, hashed, host_path, kind, path, propagation)


def _files(spec: LxcfsInjectionSpec) -> list[LxcfsFile]:
    profiles = {"standard": STANDARD, "compat-denverdino": COMPAT_DENVERDINO, "custom": spec.files}
    chosen = {BY_PATH[path] for path in profiles[spec.profile]}
    if spec.loadavg:
        chosen.add(BY_PATH["/proc/loadavg"])
    if spec.diskstats:
        chosen.add(BY_PATH["/proc/diskstats"])
    return [file for file in FILES if file in chosen and not any(obstacles(file, spec))]
