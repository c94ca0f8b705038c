"""Rule B: give every container of a new Pod the platform's environment variables.

Touches `env` and `envFrom` of containers. Never reorders what the developer wrote, and never
prints a value. One EnvInjection document is one rule.
"""

from webhook.rules.base import Rule
from webhook.rules.env.building import build
from webhook.rules.env.config import Config, leave_out
from webhook.rules.env.parsing import parse
from webhook.rules.env.settings import EnvInjectionDocument
from webhook.rules.env.treatment import mutate, validate

RULE: Rule = Rule(
    name="env",
    kind="EnvInjection",
    parse=parse,
    build=build,
    mutate=mutate,
    validate=validate,
    without=leave_out,
)

__all__ = ["RULE", "Config", "EnvInjectionDocument"]
