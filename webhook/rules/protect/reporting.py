"""What rule E answers: a denial in words, warnings, the audit annotation `protect`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from webhook.model import Action, AdmissionRequest, Json, Outcome, Violation
from webhook.objects.paths import get
from webhook.rules.messages import audit_text, limited, shorten
from webhook.rules.protect.config import ALIAS, Config
from webhook.rules.protect.judging import Denial
from webhook.rules.protect.overriding import Override
from webhook.rules.protect.subjects import Subject

ACTIONS = {"enforce": Action.DENY, "warn": Action.WARN, "audit": Action.AUDIT}
DECISIONS = {Action.DENY: "deny", Action.WARN: "warn", Action.AUDIT: "audit"}


def refused(
    request: AdmissionRequest,
    subject: Subject,
    denials: Sequence[Denial],
    phase: str,
    config: Config,
    warnings: Iterable[str] = (),
) -> Outcome:
    """Return the outcome of what is not allowed; in phases warn and audit nothing is denied."""
    action = ACTIONS[phase]
    text = " ".join(one.text for one in denials)
    if request.operation == "DELETE" and not request.name:
        text += " Objects of the collection that were deleted before it are gone."
    message = f"protect: {text}"
    if config.settings.kruise_texts:
        level = denials[0].level.text
        message = f"forbidden by ResourcesProtectionDeletion for {ALIAS}={level}: {text}"
    violation = Violation(
        "protect", message, action, policy=config.document, details=_details(subject, denials)
    )
    entry = _entry(request, subject, DECISIONS[action])
    entry |= {"level": denials[0].level.text, "codes": [one.code for one in denials]}
    texts = [*warnings, *([shorten(message)] if action is Action.WARN else [])]
    return Outcome(
        request.object,
        violations=(violation,),
        warnings=limited("protect", texts),
        audit_annotations={"protect": audit_text([entry])},
    )


def overridden(
    request: AdmissionRequest, subject: Subject, override: Override, config: Config
) -> Outcome:
    """Return the outcome of an override: allowed, and recorded."""
    by = f"{override.means} {override.document}".strip()
    reason = f": {override.reason}" if override.reason else ""
    message = f"protect: override by {by} for {subject.title}{reason}"
    policy = override.document or config.document
    entry = _entry(request, subject, "override") | {"by": by}
    if override.reason:
        entry["reason"] = override.reason
    return Outcome(
        request.object,
        violations=(Violation("protect", message, Action.AUDIT, policy=policy),),
        audit_annotations={"protect": audit_text([entry])},
        overridden_by=(override.document or override.means,),
    )


def _details(subject: Subject, denials: Sequence[Denial]) -> dict[str, Json]:
    causes = [{"reason": one.code, "message": one.text} for one in denials]
    return {"name": subject.name, "group": subject.group, "kind": subject.kind, "causes": causes}


def _entry(request: AdmissionRequest, subject: Subject, decision: str) -> dict[str, Json]:
    fields = {
        "decision": decision,
        "kind": subject.kind,
        "group": subject.group,
        "namespace": subject.namespace,
        "name": subject.name,
        "uid": subject.uid,
        "propagation": get(request.options, ("propagationPolicy",)),
    }
    return {key: value for key, value in fields.items() if value}
