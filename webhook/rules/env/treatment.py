"""Rule B on a request: which part of it the request concerns.

Pods in `pods.py`, templates of workloads in `templates.py`.
"""

from __future__ import annotations

from webhook.model import AdmissionRequest, Facts, Outcome
from webhook.rules.env.config import Config
from webhook.rules.env.pods import mutate_pod
from webhook.rules.env.templates import judge_templates, mutate_templates
from webhook.rules.skips import is_skipped


def mutate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Return the Pod, or the workload with its templates, with the variables of all rules.

    May raise NeedFacts (the Namespace, ConfigMaps). Denies what `deny` forbids on Pods.
    """
    is_pod = _is_pod(request)
    if not (is_pod or config.changes_templates) or is_skipped(request):
        return Outcome(request.object)
    treat = mutate_pod if is_pod else mutate_templates
    return treat(request, config, facts)


def validate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse what developers may not write into templates; may raise NeedFacts.

    Pods have been judged by `mutate`.
    """
    if not config.judges_templates or _is_pod(request) or is_skipped(request):
        return Outcome(request.object)
    return judge_templates(request, config, facts)


def _is_pod(request: AdmissionRequest) -> bool:
    return request.kind.kind == "Pod" and not request.kind.group
