"""What developers may not write (platform-rules B.2): reserved names, opt-outs of others.

Only for what a developer writes now: an unchanged part of the stored object is never refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from webhook.rules.actors import ActorClass
from webhook.rules.env.config import EnvRule
from webhook.rules.env.injection import Note, is_echo, reserved_prefix
from webhook.rules.env.opting_out import read_opt_out
from webhook.rules.env.selection import selects_container
from webhook.rules.env.settling import Treatment
from webhook.rules.env.targets import Container, Target
from webhook.rules.skips import MAY_OPT_OUT


def reserved_names(
    target: Target,
    rules: Sequence[EnvRule],
    stored: Mapping[str, Container],
    notes: Sequence[Note],
) -> Iterator[Note]:
    """Yield the entries with a reserved name; one that says what the platform says is fine."""
    present = {
        (one.container.path, one.name) for one in notes if one.treatment is Treatment.PRESENT
    }
    for rule in rules:
        for container in target.containers if rule.reserved else ():
            for entry in container.env if selects_container(rule.match, container) else ():
                name = str(entry.get("name", ""))
                prefix = reserved_prefix(rule, name, "deny")
                if not prefix or (container.path, name) in present:
                    continue
                if not is_echo(entry, container, stored):
                    reason = f"has the prefix {prefix}, reserved by rule {rule.name}, remove it"
                    yield Note(Treatment.DENIED, rule, container, name, reason)


def forbidden_opt_outs(
    target: Target, stored: Target | None, rules: Sequence[EnvRule], key: str
) -> Iterator[tuple[EnvRule, str]]:
    """Yield the rules that a developer's template newly opts out of without being allowed to."""
    value = target.annotations.get(key)
    if not isinstance(value, str) or (stored and stored.annotations.get(key) == value):
        return
    opt_out = read_opt_out(value, frozenset(rule.name for rule in rules))
    for rule in rules:
        allowed = ActorClass.DEVELOPER in MAY_OPT_OUT[rule.opt_out_by]
        if not allowed and not rule.mandatory and opt_out.concerns(rule):
            yield rule, f"annotation {key} may not skip rule {rule.name}, remove it"
