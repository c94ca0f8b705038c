"""Rule C: show the processes of a new Pod their own CPU and memory, through files of lxcfs.

Never changes templates, and never what the developer mounted. One LxcfsInjection document is in
force. What happens on the nodes is not the business of this rule.
"""

from webhook.rules.base import Rule
from webhook.rules.lxcfs.building import build
from webhook.rules.lxcfs.config import Config
from webhook.rules.lxcfs.parsing import parse
from webhook.rules.lxcfs.settings import LxcfsInjectionDocument
from webhook.rules.lxcfs.templates import validate
from webhook.rules.lxcfs.treatment import mutate

RULE: Rule = Rule(
    name="lxcfs",
    kind="LxcfsInjection",
    parse=parse,
    build=build,
    mutate=mutate,
    validate=validate,
)

__all__ = ["RULE", "Config", "LxcfsInjectionDocument"]
