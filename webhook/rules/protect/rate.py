"""The rate guard: how many objects one user may delete in a span of time (platform-rules E.9).

Nothing is counted here: how many it were is a fact, as far as the replica that judges saw them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from webhook.model import AdmissionRequest, Deletions, Facts, Outcome, UserInfo
from webhook.rules.actors import TRUSTED_CONTROLLERS, classify
from webhook.rules.protect.config import Config, MassDelete
from webhook.rules.protect.counting import plural
from webhook.rules.protect.judging import Denial, contact
from webhook.rules.protect.overriding import deletion_override
from webhook.rules.protect.reporting import overridden, refused
from webhook.rules.protect.subjects import Subject, subject_of

SYSTEM = "system:"
"""How the names of service accounts and components begin; people's do not."""


@dataclass(frozen=True, slots=True)
class _Excess:
    subject: Subject
    limit: MassDelete
    count: int


def limit_deletions(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse the deletions of a user who made too many; may raise NeedFacts."""
    limit = config.mass_delete
    if limit is None or not _is_counted(request, limit, config):
        return Outcome(request.object)
    subject = subject_of(request, request.old_object)
    count = facts.look_up(Deletions(request.user_info.username, limit.seconds))
    if subject.is_going or not isinstance(count, int) or count < limit.most:
        return Outcome(request.object)
    override = deletion_override(request, subject, config)
    if override is not None:
        return overridden(request, subject, override, config)
    return _refused(request, _Excess(subject, limit, count), config)


def _is_counted(request: AdmissionRequest, limit: MassDelete, config: Config) -> bool:
    is_deletion = request.operation == "DELETE" and not request.sub_resource
    is_known = (request.kind.group, request.kind.kind) in limit.kinds
    return is_deletion and is_known and _is_bound(request.user_info, limit, config)


def _is_bound(user: UserInfo, limit: MassDelete, config: Config) -> bool:
    if limit.only_humans:
        return not user.username.startswith(SYSTEM)
    return classify(user, config.actors) not in TRUSTED_CONTROLLERS


def _refused(request: AdmissionRequest, excess: _Excess, config: Config) -> Outcome:
    user, limit = request.user_info.username, excess.limit
    share = f" by each of {limit.replicas} replicas" if limit.replicas > 1 else ""
    text = (
        f"{excess.subject.title} is not deleted: {user} deleted {plural(excess.count, 'object')}"
        f" within {limit.span}, {limit.most} may be{share}."
        f" Look at what you delete, wait, or ask {contact(config)}."
    )
    outcome = refused(request, excess.subject, [Denial("RateLimit", text)], config.phase, config)
    found = tuple(replace(one, reason="TooManyRequests", code=429) for one in outcome.violations)
    return replace(outcome, violations=found)
