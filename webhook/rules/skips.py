"""What no rule touches (platform-rules 0.6), and how opt-out annotations are read (0.11).

Only what all rules share; which object is an owned one, or one without changes, each rule decides.
"""

from __future__ import annotations

from collections.abc import Mapping

from webhook.model import AdmissionRequest
from webhook.objects.paths import get
from webhook.rules.actors import TRUSTED_CONTROLLERS, ActorClass

SUB_RESOURCES_LEFT_OUT = frozenset(
    ("approval", "attach", "binding", "exec", "log", "portforward", "proxy", "status")
)
MIRROR = "kubernetes.io/config.mirror"
MIRROR_POD = ("metadata", "annotations", MIRROR)
METADATA = ("metadata",)
NODES = "system:nodes"

TRUE_LIKE = frozenset(("true", "yes", "on", "1"))
FALSE_LIKE = frozenset(("false", "no", "n", "off", "0"))

_PLATFORM = TRUSTED_CONTROLLERS | {ActorClass.BREAKGLASS, ActorClass.PLATFORM}
MAY_OPT_OUT: Mapping[str, frozenset[ActorClass]] = {
    "anyone": frozenset(ActorClass),
    "operator": frozenset(_PLATFORM | {ActorClass.OPERATOR}),
    "platform": frozenset(_PLATFORM),
}
"""`optOutBy` → the classes whose opt-out counts on a Pod.

A Pod of a trusted controller counts as whatever its template was allowed to say.
"""


def is_skipped(request: AdmissionRequest) -> bool:
    """Tell whether a changing rule leaves this request alone.

    True for CONNECT, the sub-resources that hold no specification, objects on their way out,
    mirror Pods and whatever a kubelet writes.
    """
    if request.operation == "CONNECT" or request.sub_resource in SUB_RESOURCES_LEFT_OUT:
        return True
    if NODES in request.user_info.groups:
        return True
    metadata = get(request.object, METADATA)
    if not isinstance(metadata, dict):
        return False
    if metadata.get("deletionTimestamp") is not None:
        return True
    annotations = metadata.get("annotations")
    return isinstance(annotations, dict) and annotations.get(MIRROR) is not None


def read_switch(text: str) -> bool | None:
    """Return what a true-like or false-like text means, None for any other text."""
    word = text.strip().lower()
    if word in TRUE_LIKE:
        return True
    return False if word in FALSE_LIKE else None
