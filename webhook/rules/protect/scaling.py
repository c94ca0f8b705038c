"""Scaling to zero, or below a floor, is an outage without a deletion (platform-rules E.7)."""

from __future__ import annotations

from webhook.model import AdmissionRequest, Json
from webhook.objects.workloads import WorkloadKind
from webhook.rules.actors import TRUSTED_CONTROLLERS, classify
from webhook.rules.protect.config import Config, Level
from webhook.rules.protect.identities import owns
from webhook.rules.protect.judging import Denial, contact
from webhook.rules.protect.levels import Source
from webhook.rules.protect.subjects import Subject, number_at

REPLICAS = ("spec", "replicas")


def scaled_kind(request: AdmissionRequest, config: Config) -> WorkloadKind | None:
    """Return the kind whose scale is written, None for resources that are not known."""
    asked = (request.resource.group, request.resource.resource)
    rows = config.actors.kinds.rows
    return next((row for row in rows if (row.group, row.resource) == asked), None)


def replicas_of(subject: Subject, value: Json, config: Config) -> int:
    """Return the wanted replicas of a workload; absent means 1, and kinds without any never shrink."""
    row = config.actors.kinds.find(subject.group, subject.kind)
    return number_at(value, row.replicas_path, 1) if row and row.has_scale else 1


def scale_denial(
    request: AdmissionRequest,
    subject: Subject,
    found: tuple[Source, ...],
    replicas: tuple[int, int],
    config: Config,
) -> Denial | None:
    """Return why the replicas (before, after) may not be changed so."""
    before, after = replicas
    guard = config.settings.scale_guard
    if not found or guard == "off" or after >= before or owns(request, subject, config):
        return None
    level = found[0].level
    is_guarded = after == 0 and (level is Level.ALWAYS or guard == "strict")
    if config.is_autoscaler(request.user_info):
        return _zero(subject, level, config) if is_guarded and guard == "strict" else None
    if classify(request.user_info, config.actors) in TRUSTED_CONTROLLERS:
        return None
    if is_guarded:
        return _zero(subject, level, config)
    floor = _floor(subject, config)
    if after >= floor:
        return None
    text = f"{subject.title} keeps at least {floor} replicas, not {after}"
    advice = f"Lower the annotation {config.names.floor}, or ask {contact(config)}."
    return Denial("ScaleToZero", f"{text}. {advice}", level)


def _zero(subject: Subject, level: Level, config: Config) -> Denial:
    text = f"{subject.title} is protected ({level.text}) and may not be scaled to 0"
    return Denial("ScaleToZero", f"{text}. Keep a replica, or ask {contact(config)}.", level)


def _floor(subject: Subject, config: Config) -> int:
    text = str(subject.annotations.get(config.names.floor, ""))
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
