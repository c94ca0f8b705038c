"""Opt-out annotations (platform-rules 0.11, B.2): which rules and containers they leave out.

The Pod's annotation beats the Namespace's. Who may opt out on a template is judged in
`denials.py`; here a Pod of a trusted controller counts as whatever its template was allowed to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webhook.model import Json
from webhook.rules.actors import ActorClass
from webhook.rules.env.config import EnvRule
from webhook.rules.env.targets import Target
from webhook.rules.skips import MAY_OPT_OUT, read_switch

ANNOTATION = "skip-env"
CONTAINER = "container:"


@dataclass(frozen=True, slots=True)
class OptOut:
    """What one annotation says: everything, some rules, some containers; `unknown` is the rest."""

    everything: bool = False
    rules: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()

    def concerns(self, rule: EnvRule) -> bool:
        """Tell whether the rule is left out, for all or for some containers."""
        return self.everything or rule.name in self.rules or bool(self.containers)

    def leaves_out(self, rule: EnvRule, container: str) -> bool:
        """Tell whether the rule leaves the container alone."""
        return self.everything or rule.name in self.rules or container in self.containers


NO_OPT_OUT = OptOut()


def read_opt_out(text: str, rule_names: frozenset[str]) -> OptOut:
    """Return what the annotation's value says; words that mean nothing are in `unknown`."""
    switch = read_switch(text)
    if switch is not None:
        return OptOut(everything=switch)
    words = [word.strip() for word in text.split(",")]
    containers = frozenset(
        word.removeprefix(CONTAINER).strip() for word in words if word.startswith(CONTAINER)
    )
    others = [word for word in words if not word.startswith(CONTAINER)]
    return OptOut(
        rules=frozenset(word for word in others if word in rule_names),
        containers=containers,
        unknown=tuple(word for word in others if word not in rule_names),
    )


@dataclass(frozen=True, slots=True)
class OptOuts:
    """What counts for a Pod: per rule the opt-out that it has to respect; and warnings."""

    by_rule: Mapping[str, OptOut]
    warnings: tuple[str, ...]

    def leave_out(self, rule: EnvRule, container: str) -> bool:
        """Tell whether the rule leaves the container alone."""
        return self.by_rule.get(rule.name, NO_OPT_OUT).leaves_out(rule, container)


def opt_outs(
    target: Target,
    rules: Sequence[EnvRule],
    rule_names: frozenset[str],
    key: str,
    actor: ActorClass,
) -> OptOuts:
    """Judge the annotations of the Pod and of its Namespace for the rules that match.

    `key` is the annotation's key, `actor` the class that wrote the Pod.
    """
    warnings: list[str] = []
    pod = _read(target.annotations.get(key), rule_names, f"annotation {key}", warnings)
    if pod is None:
        place = f"annotation {key} of the Namespace"
        found = _read(target.namespace_annotations.get(key), rule_names, place, warnings)
        actor = ActorClass.PLATFORM
    else:
        found = pod
    by_rule: dict[str, OptOut] = {}
    for rule in rules:
        if found is None or not found.concerns(rule):
            continue
        refusal = _refusal(rule, actor, key)
        if not refusal:
            by_rule[rule.name] = found
        elif rule.phase != "audit":
            warnings.append(refusal)
    return OptOuts(by_rule, tuple(warnings))


def _refusal(rule: EnvRule, actor: ActorClass, key: str) -> str:
    """Return why the annotation does not count for the rule, "" when it does."""
    if rule.mandatory:
        return f"env: rule {rule.name} is mandatory; annotation {key} is ignored"
    if actor in MAY_OPT_OUT[rule.opt_out_by]:
        return ""
    who = "operators" if rule.opt_out_by == "operator" else "the platform"
    return f"env: only {who} may skip rule {rule.name}; annotation {key} is ignored"


def _read(
    value: Json, rule_names: frozenset[str], place: str, warnings: list[str]
) -> OptOut | None:
    """Return what the annotation says, None when it is absent or says nothing that is known."""
    if not isinstance(value, str):
        return None
    opt_out = read_opt_out(value, rule_names)
    warnings.extend(
        f'env: {place}: "{word}" is neither true, false, a rule nor container:NAME'
        for word in opt_out.unknown
    )
    return None if opt_out.unknown and not opt_out.rules | opt_out.containers else opt_out
