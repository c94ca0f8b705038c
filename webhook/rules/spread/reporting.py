"""What people are told: warnings, one refusal with everything in it, the audit annotation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import orjson

from webhook.model import NOTHING, Action, Json, Violation
from webhook.rules.messages import audit_text, limited
from webhook.rules.spread.config import Spreading
from webhook.rules.spread.planning import Plan, Refusal

SKIPPED = "spread: not applied to break-glass access"


def warned(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts as warnings of this rule, few and short."""
    return limited("spread", [f"spread: {text}" for text in texts])


def lacking(made: Plan) -> list[str]:
    """Return what a template lacks, one text for each thing."""
    place = made.subject.place()
    return [
        *(f"{place} lacks {missing.text}" for missing in made.missing),
        *(f"{made.subject.place(path)} needs maxSkew {skew}" for path, skew in made.tightened),
        *(refusal.text for refusal in made.refusals),
    ]


def missing_refusals(made: Plan) -> list[Refusal]:
    """Return the refusals of mode deny: what is missing, as its author has to write it."""
    lists = [
        f"{made.subject.place(missing.path)} lacks {orjson.dumps(missing.element).decode()}"
        for missing in made.missing
    ]
    skews = [
        f"{made.subject.place(path)} allows more than maxSkew {skew}"
        for path, skew in made.tightened
    ]
    return [*made.refusals, *(Refusal(text, "Add it") for text in (*lists, *skews))]


def denial(refusals: Sequence[Refusal], spreading: Spreading) -> Violation:
    """Return one violation that says everything, and ends with what to do."""
    texts = "; ".join(dict.fromkeys(one.text for one in refusals))
    advice = next((one.advice for one in refusals if one.advice), "Change it")
    message = f"spread: {texts}. {advice} or ask {spreading.contact}."
    return Violation("spread", message, Action.DENY, policy=spreading.document)


def observed(texts: Sequence[str], action: Action, spreading: Spreading) -> Violation:
    """Return what would have been done or refused, or what nobody may change now."""
    return Violation(
        "spread", f"spread: {'; '.join(dict.fromkeys(texts))}", action, policy=spreading.document
    )


def annotation(entries: Sequence[Json]) -> Mapping[str, str]:
    """Return the audit annotation `spread`; none for no entries."""
    return {"spread": audit_text(entries)} if entries else NOTHING


def entry(made: Plan, treatment: str) -> Json:
    """Return what the audit annotation says about one template."""
    return {
        "path": made.subject.place(),
        "treatment": treatment,
        "constraints": [f"{one.axis.strength} {one.axis.key}" for one in made.missing],
    }
