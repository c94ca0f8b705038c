"""What a built-in rule is: a record of functions, listed by hand in `webhook.rules.RULES`.

A rule never sees the Snapshot and never another rule: `build` gets its own documents and what all
rules share, and returns the configuration that `mutate` and `validate` are called with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webhook.documents import Item
from webhook.model import AdmissionRequest, ConfigError, Facts, Outcome, Platform
from webhook.rules.actors import Actors

Build = Callable[[tuple[Item, ...], Actors, Platform], tuple[Any, tuple[ConfigError, ...]]]
"""All accepted documents of the rule's kind → (config, errors between documents)."""

Parse = Callable[[Item], tuple[ConfigError, ...]]
"""One document → all its errors; an accepted one is kept as its Item and given to `build`."""

Treat = Callable[[AdmissionRequest, Any, Facts], Outcome]
"""Apply the rule; may raise NeedFacts. An Outcome with the same object means: nothing changed."""

Without = Callable[[Any, frozenset[str]], Any]
"""(config, names of documents) → the config without them, None for a rule without any."""


def switched_off(_config: Any, _names: frozenset[str]) -> None:
    """Take a rule away for which one document is in force at a time."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One built-in rule.

    `name` starts its messages, `kind` is its document kind, `parse` checks one document and
    `build` compiles all of them; `mutate` and `validate` are None where the rule has no such part.
    `without` is how documents are waived; None where denials may be waived, and nothing else.
    `further_kinds` are documents that `build` gets as well; they alone do not switch the rule on.
    """

    name: str
    kind: str
    parse: Parse
    build: Build
    mutate: Treat | None = None
    validate: Treat | None = None
    without: Without | None = switched_off
    further_kinds: Mapping[str, Parse] = field(default_factory=dict)
