"""What no rule touches (platform-rules 0.6), and how opt-out annotations are read (0.11).

Only what all rules share; which object is an owned one, or one without changes, each rule decides.
"""

from __future__ import annotations

from webhook.model import AdmissionRequest
from webhook.objects.paths import get

SUB_RESOURCES_LEFT_OUT = frozenset(
    ("approval", "attach", "binding", "exec", "log", "portforward", "proxy", "status")
)
MIRROR_POD: tuple[str, ...] = ("metadata", "annotations", "kubernetes.io/config.mirror")
NODES = "system:nodes"

TRUE_LIKE = frozenset(("true", "yes", "on", "1"))
FALSE_LIKE = frozenset(("false", "no", "n", "off", "0"))


def is_skipped(request: AdmissionRequest) -> bool:
    """Tell whether a changing rule leaves this request alone.

    True for CONNECT, the sub-resources that hold no specification, objects on their way out,
    mirror Pods and whatever a kubelet writes.
    """
    if request.operation == "CONNECT" or request.sub_resource in SUB_RESOURCES_LEFT_OUT:
        return True
    if NODES in request.user_info.groups or get(request.object, MIRROR_POD) is not None:
        return True
    return get(request.object, ("metadata", "deletionTimestamp")) is not None


def read_switch(text: str) -> bool | None:
    """Return what a true-like or false-like text means, None for any other text."""
    word = text.strip().lower()
    if word in TRUE_LIKE:
        return True
    return False if word in FALSE_LIKE else None
