"""One object and what protects it → why it may not go, in words (platform-rules E.5, step 5 and 6)."""

from __future__ import annotations

from dataclasses import dataclass

from webhook.model import Facts
from webhook.rules.protect.config import ALIAS, Config, Level
from webhook.rules.protect.counting import Block, count_of
from webhook.rules.protect.levels import Source, duration_text
from webhook.rules.protect.subjects import Subject


@dataclass(frozen=True, slots=True)
class Denial:
    """Why something is refused: the reason code, the whole text, the level if there is one."""

    code: str
    text: str
    level: Level = Level.NONE


def judge(
    subject: Subject, found: tuple[Source, ...], config: Config, facts: Facts
) -> Denial | None:
    """Return why the object may not go, None when it may; `found` has the strictest first.

    May raise NeedFacts, and UnverifiedError when something cannot be counted.
    """
    if not found:
        return None
    source, count = found[0], count_of(subject, config)
    if source.level is Level.ALWAYS or count is None:
        return _denial(subject, source, None, config)
    block = count(subject, config, facts)
    return None if block is None else _denial(subject, source, block, config)


def unverified(subject: Subject, reason: str, config: Config) -> Denial:
    """Return the denial of something that could not be looked into."""
    advice = "Try again, or ask"
    if "forbidden" in reason.lower():
        advice = "Propylon lacks the right to list it; grant that, or ask"
    text = f"cannot verify that {subject.title} may go: {reason}. {advice} {contact(config)}."
    return Denial("CannotVerify", text)


def contact(config: Config) -> str:
    """Return whom to ask."""
    return config.settings.contact


def _denial(subject: Subject, source: Source, block: Block | None, config: Config) -> Denial:
    code = block.code if block else "Always"
    reason = f": {block.text}" if block else ""
    level = source.level.text
    if source.is_state:
        return _stated(subject, source, block, config)
    advice = f"{block.advice}, or" if block else _advice(source, config)
    text = f"{subject.title} is protected ({level}){reason}. {advice} ask {contact(config)}."
    return Denial(code, text, source.level)


def _stated(subject: Subject, source: Source, block: Block | None, config: Config) -> Denial:
    """Say what a removal not long ago still means."""
    who = source.by or "somebody"
    reason = f", and {block.text}" if block else ""
    was = f"{subject.title} was protected ({source.level.text}) until {who} removed that{reason}"
    if source.left is None:
        advice = f"Somebody else must delete it; ask {contact(config)}."
        return Denial("NeedsApprover", f"{was}. {advice}", source.level)
    left = f"deletion stays blocked, {duration_text(source.left)} left"
    advice = f"{block.advice}, wait," if block else "Wait,"
    text = f"{was}: {left}. {advice} or ask {contact(config)}."
    return Denial("CoolingDown", text, source.level)


def _advice(source: Source, config: Config) -> str:
    mode = config.settings.on_remove.mode
    if source.name not in {ALIAS, config.names.level}:
        return f"{source.name} says so; to change that,"
    spans = {
        "cooldown": f" ({duration_text(config.cooldown)} cool-down)",
        "twoPerson": " (then somebody else may delete it)",
        "approver": " (only approvers may)",
    }
    return f"Remove label {source.name}{spans.get(mode, '')} or"
