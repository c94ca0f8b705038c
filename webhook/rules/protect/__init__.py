"""Rule E: nothing that is protected disappears by mistake.

Judges deletions, evictions, scaling to zero and the removal of the protection itself; keeps the
protection state honest. Never counts in memory: what must be counted is asked for live.
"""

from webhook.rules.base import Rule
from webhook.rules.protect.building import build
from webhook.rules.protect.config import Config
from webhook.rules.protect.intercepting import DELETES
from webhook.rules.protect.parsing import parse, parse_grant
from webhook.rules.protect.rate import limit_deletions
from webhook.rules.protect.settings import DeletionGrantDocument, DeletionProtectionDocument
from webhook.rules.protect.state import mutate
from webhook.rules.protect.treatment import validate

RULE: Rule = Rule(
    name="protect",
    kind="DeletionProtection",
    parse=parse,
    build=build,
    mutate=mutate,
    validate=validate,
    # The state of removals is kept for everybody: it would outlive the exception.
    without=None,
    further_kinds={"DeletionGrant": parse_grant},
)

__all__ = [
    "DELETES",
    "RULE",
    "Config",
    "DeletionGrantDocument",
    "DeletionProtectionDocument",
    "limit_deletions",
]
