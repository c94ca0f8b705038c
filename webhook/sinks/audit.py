"""The audit log: one line for each decision that is not a plain allow, through `logging`.

For installations that collect logs and nothing else; the ledger holds more. No values of objects
are written, and of Secrets no texts at all: CEL can put anything into a message.
"""

from __future__ import annotations

import hashlib
import logging

import orjson

from webhook.model import AdmissionRequest, Decision, Json, Registration

_LOG = logging.getLogger("propylon.audit")


class AuditLog:
    """A sink that writes log lines; stateless."""

    def put_nowait(
        self,
        request: AdmissionRequest,
        registration: Registration,
        decision: Decision,
        latency: float,
    ) -> None:
        """Log a denial, a warning or a mutation; the latency is in seconds."""
        if decision.allowed and not decision.violations and not decision.mutated_by:
            return
        secret = request.resource.resource == "secrets" and request.resource.group == ""
        _LOG.info(
            "failed" if decision.failed else "allowed" if decision.allowed else "denied",
            extra={
                "entry": registration.name,
                "uid": request.uid,
                "user": request.user_info.username,
                "operation": request.operation,
                "resource": request.resource.group_resource,
                "sub_resource": request.sub_resource,
                "namespace": request.namespace,
                "object": request.name,
                "dry_run": request.dry_run,
                "reasons": [] if secret else [one.message for one in decision.violations],
                "policies": sorted({one.policy or one.origin for one in decision.violations}),
                "mutated_by": list(decision.mutated_by),
                "digest": decision.digest[:8],
                "milliseconds": round(latency * 1000, 3),
                **_protection(request, decision),
            },
        )


def _protection(request: AdmissionRequest, decision: Decision) -> dict[str, Json]:
    """Return the record of rule E (platform-rules E.10): level, reason codes, uid, by which grant."""
    text = decision.audit_annotations.get("protect")
    if text is None:
        return {}
    groups = "\n".join(sorted(request.user_info.groups)).encode()
    return {
        "protect": orjson.loads(text),
        "groups_hash": hashlib.sha256(groups).hexdigest()[:16],
        "overridden_by": list(decision.overridden_by),
    }
