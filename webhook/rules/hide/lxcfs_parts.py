"""What rule C puts into Pods, told by its shape: this rule is called again behind that one.

Nothing here is worth forging: the files show a container nothing but itself, or what every container
sees in its own /proc, and the affinity only leaves out nodes.
"""

from __future__ import annotations

import re

from webhook.model import Json
from webhook.objects.paths import get

FILE = re.compile(
    r"(/(?!\.\.?/)[^/]+)+/(proc/(cpuinfo|diskstats|loadavg|meminfo|stat|swaps|uptime)"
    r"|sys/devices/system/cpu/online)"
)
PARENT = "/var/lib/lxcfs-on-k8s"
"""The default directory that is mounted so that files can be bound again."""

READY = "/lxcfs-ready"
_REQUIRED = ("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
_PREFERRED = ("preferredDuringSchedulingIgnoredDuringExecution",)


def is_lxcfs_volume(element: Json) -> bool:
    """Tell whether a volume is a file of lxcfs below any root, or the directory above its root."""
    path = get(element, ("hostPath", "path"))
    return isinstance(path, str) and (path == PARENT or FILE.fullmatch(path) is not None)


def is_lxcfs_affinity(value: Json) -> bool:
    """Tell whether a nodeAffinity asks for nodes on which lxcfs is ready, and for nothing else."""
    required, preferred = get(value, _REQUIRED), get(value, _PREFERRED)
    wishes = preferred if isinstance(preferred, list) else []
    terms = [*_list(required), *(get(one, ("preference",)) for one in wishes)]
    return bool(terms) and all(map(_is_ready_term, terms))


def _list(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [None]


def _is_ready_term(term: Json) -> bool:
    if not isinstance(term, dict) or set(term) != {"matchExpressions"}:
        return False
    expressions = term["matchExpressions"]
    return isinstance(expressions, list) and bool(expressions) and all(map(_is_ready, expressions))


def _is_ready(expression: Json) -> bool:
    key = get(expression, ("key",))
    is_label = isinstance(key, str) and key.endswith(READY)
    return is_label and (expression.get("operator"), expression.get("values")) == ("In", ["true"])
