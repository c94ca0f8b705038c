"""What is wanted of a template: who writes it, what its marks say, in which mode."""

from __future__ import annotations

from webhook.model import AdmissionRequest, Facts, Json
from webhook.objects.paths import Path
from webhook.rules.actors import ActorClass
from webhook.rules.spread.config import Config, Spreading
from webhook.rules.spread.marks import Author, Marks, read_marks
from webhook.rules.spread.planning import Wish

OFF, AUDIT, WARN = "off", "audit", "warn"


def namespace_of(request: AdmissionRequest, facts: Facts) -> Json:
    """Return the request's Namespace; None and Unavailable have no labels. May raise NeedFacts."""
    return facts.namespace(request.namespace)


def wish_of(
    value: Json,
    stored: Json,
    template: Path,
    namespace: Json,
    spreading: Spreading,
    config: Config,
    actor: ActorClass,
) -> tuple[Wish | None, Marks]:
    """Return what is wanted of the template, None for nothing, and what its marks say.

    `stored` is the stored object, None on CREATE.
    """
    author = Author(actor, stored, spreading, config.prefix)
    marks = read_marks(value, template, namespace, author)
    tier = spreading.tiers[marks.tier]
    mode = _mode(tier.mode, spreading.phase, actor)
    if mode == OFF or marks.is_opted_out:
        return None, marks
    return Wish(tier, marks.is_exclusive, mode, spreading, config), marks


def _mode(mode: str, phase: str, actor: ActorClass) -> str:
    """Return the tier's mode, capped by the phase; the platform is only warned (0.4)."""
    if mode == OFF or phase == AUDIT:
        return mode if mode == OFF else AUDIT
    return WARN if phase == WARN or actor is ActorClass.PLATFORM else mode
