"""Objects as YAML that reads as the same values everywhere: here, in kubectl, in YAML 1.1 and 1.2.

Texts of several lines become literal blocks, so that CEL stays readable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from webhook.model import Json

_SAFE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./(),-]+)*")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""Words that some reader takes for another type."""


class _Dumper(yaml.SafeDumper):
    """Writes lists below their key, indented as kubectl does; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name is the base's
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "\n" in text:
        style: str | None = "|"
    elif _SAFE.fullmatch(text) and text.lower() not in _WORDS:
        style = None
    else:
        style = "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(values: Iterable[Json]) -> str:
    """Return the objects as one text, with `---` between them."""
    return "---\n".join(
        yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10**9, allow_unicode=True)
        for value in values
    )
