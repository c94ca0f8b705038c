"""Rule A: fields of the infrastructure that developers do not see, set or destroy.

What a developer could not know stays as it is stored, what a developer newly writes there is
dropped with a warning, and what would be dangerous to drop is refused. Never reorders anything.
"""

from webhook.rules.base import Rule
from webhook.rules.hide.building import build
from webhook.rules.hide.config import Config
from webhook.rules.hide.parsing import parse
from webhook.rules.hide.settings import HiddenFieldsDocument
from webhook.rules.hide.treatment import mutate, validate

RULE: Rule = Rule(
    name="hide",
    kind="HiddenFields",
    parse=parse,
    build=build,
    mutate=mutate,
    validate=validate,
)

__all__ = ["RULE", "Config", "HiddenFieldsDocument"]
