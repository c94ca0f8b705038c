"""The built-in rules, written out by hand, in the order in which they work (platform-rules 0.11).

No plugins: to add a rule, add its RULE and its document model here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel

from webhook.rules import actors, env, exceptions, hide, lxcfs, protect, spread
from webhook.rules.base import Rule

RULES: tuple[Rule, ...] = (hide.RULE, spread.RULE, env.RULE, lxcfs.RULE, protect.RULE)
"""Every built-in rule."""

MODELS: Mapping[str, type[BaseModel]] = MappingProxyType({
    "Actors": actors.ActorsDocument,
    "DeletionGrant": protect.DeletionGrantDocument,
    "DeletionProtection": protect.DeletionProtectionDocument,
    "EnvInjection": env.EnvInjectionDocument,
    "HiddenFields": hide.HiddenFieldsDocument,
    "LxcfsInjection": lxcfs.LxcfsInjectionDocument,
    "PolicyException": exceptions.PolicyExceptionDocument,
    "Spreading": spread.SpreadingDocument,
})  # fmt: skip
"""The model of each `propylon.dev` kind: checked against, and published as JSON Schema."""

__all__ = ["MODELS", "RULES"]
