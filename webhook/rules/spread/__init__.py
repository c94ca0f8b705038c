"""Rule D: keep the replicas of a workload apart, over nodes and over zones.

Adds spread constraints to templates, and refuses what cannot be spread where a tier asks for it.
Which replicas do share a node is no matter of admission: see the report.
"""

from webhook.rules.base import Rule
from webhook.rules.spread.building import build
from webhook.rules.spread.config import Config
from webhook.rules.spread.parsing import parse
from webhook.rules.spread.settings import SpreadingDocument
from webhook.rules.spread.treatment import mutate, validate

RULE: Rule = Rule(
    name="spread",
    kind="Spreading",
    parse=parse,
    build=build,
    mutate=mutate,
    validate=validate,
)

__all__ = ["RULE", "Config", "SpreadingDocument"]
