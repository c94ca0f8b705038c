"""Who may delete what is protected all the same (platform-rules E.10); every use is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from webhook.model import AdmissionRequest
from webhook.objects.selectors import glob
from webhook.rules.actors import ActorClass, classify
from webhook.rules.protect.config import Config, Grant
from webhook.rules.protect.parsing import parse_time
from webhook.rules.protect.subjects import Subject

CONFIRMATION_SECONDS = 600.0
"""How long a confirmation by annotation holds."""


@dataclass(frozen=True, slots=True)
class Override:
    """What lets somebody through; `document` and `reason` are those of a grant."""

    means: str
    document: str = ""
    reason: str = ""


def standing_override(request: AdmissionRequest, config: Config) -> Override | None:
    """Return the override that a user has by class, whatever the object."""
    if classify(request.user_info, config.actors) is ActorClass.BREAKGLASS:
        return Override("breakglass")
    return Override("mayOverride") if config.may_override.contain(request.user_info) else None


def deletion_override(
    request: AdmissionRequest, subject: Subject, config: Config
) -> Override | None:
    """Return what lets this user delete this object, None when nothing does."""
    standing = standing_override(request, config)
    if standing is not None:
        return standing
    for grant in config.grants:
        if _holds(grant, request, subject, config):
            return Override("grant", f"DeletionGrant/{grant.name}", grant.reason)
    return Override("confirmation") if _is_confirmed(request, subject, config) else None


def is_kept(subject: Subject, config: Config) -> bool:
    """Tell whether every write to the object passes the webhook, so that its state is honest."""
    if any(name in subject.labels for name in config.names.labels):
        return True
    return any(subject.key in rule.keys for rule in config.policies)


def _holds(grant: Grant, request: AdmissionRequest, subject: Subject, config: Config) -> bool:
    is_target = (
        grant.kind == subject.kind
        and grant.group in {None, subject.group}
        and glob(grant.namespace, subject.namespace)
        and glob(grant.object_name, subject.name)
        and grant.uid in {"", subject.uid}
    )
    if not is_target or grant.expires <= request.received_at:
        return False
    if _needs_two(config) and grant.created_by == request.user_info.username:
        return False
    return grant.who.contain(request.user_info)


def _is_confirmed(request: AdmissionRequest, subject: Subject, config: Config) -> bool:
    place = f"{subject.namespace}/" if subject.namespace else ""
    texts, (at, by) = subject.annotations, config.names.confirmed
    if texts.get(config.names.confirm) != f"{place}{subject.name}@{subject.uid}":
        return False
    confirmed = parse_time(str(texts.get(at, "")))
    if confirmed is None or not is_kept(subject, config):
        return False
    if _needs_two(config) and texts.get(by) == request.user_info.username:
        return False
    return 0 <= request.received_at - confirmed + 1 <= CONFIRMATION_SECONDS + 1


def _needs_two(config: Config) -> bool:
    return config.settings.on_remove.mode == "twoPerson"
