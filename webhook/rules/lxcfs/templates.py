"""Rule C on templates: who may not opt out there is refused (0.11); nothing is changed.

On the Pod itself nobody can tell any more who wrote the annotation: a controller creates it.
"""

from __future__ import annotations

from collections.abc import Iterator

from webhook.model import AdmissionRequest, Facts, Outcome, Unavailable
from webhook.objects.paths import Path, dotted, get
from webhook.objects.workloads import templates
from webhook.rules.actors import acting_class
from webhook.rules.lxcfs.config import Config
from webhook.rules.lxcfs.switches import is_enabled, opt_outs, read_map, who_may
from webhook.rules.lxcfs.treatment import violation
from webhook.rules.messages import limited
from webhook.rules.skips import MAY_OPT_OUT, is_skipped

ANNOTATIONS: Path = ("metadata", "annotations")


def validate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse templates that newly opt out where their writer may not; may raise NeedFacts."""
    nothing = Outcome(request.object)
    if not config.judges_templates or not _is_judged(request, config) or is_skipped(request):
        return nothing
    actor = acting_class(request.user_info, config.actors)
    found = tuple(_opt_outs(request, config))
    if not found or actor in MAY_OPT_OUT[config.settings.opt_out_by]:
        return nothing
    namespace = facts.namespace(request.namespace)
    if isinstance(namespace, Unavailable) or not is_enabled(namespace, config, []):
        return nothing
    text = f"lxcfs: {', '.join(map(dotted, found))}: {who_may(config)}; remove it"
    warnings = limited("lxcfs", [text]) if config.settings.phase == "warn" else ()
    return Outcome(request.object, violations=(violation(config, text),), warnings=warnings)


def _is_judged(request: AdmissionRequest, config: Config) -> bool:
    """Tell whether a template may be written: its owner's is judged where there is one."""
    is_write = request.operation in ("CREATE", "UPDATE") and not request.sub_resource
    is_pod = (request.kind.group, request.kind.kind) == ("", "Pod")
    return is_write and not is_pod and config.actors.kinds.controller_of(request.object) is None


def _opt_outs(request: AdmissionRequest, config: Config) -> Iterator[Path]:
    """Yield the annotations of templates that opt out and are not stored like this."""
    kind = config.actors.kinds.find(request.kind.group, request.kind.kind)
    for template in templates(kind, request.object) if kind else ():
        place = (*template.path, *ANNOTATIONS)
        annotations = read_map(request.object, place)
        for key in opt_outs(annotations, config):
            if annotations[key] != get(request.old_object, (*place, key)):
                yield (*place, key)
