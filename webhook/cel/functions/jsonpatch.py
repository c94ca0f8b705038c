"""Library jsonpatch, for mutations only: escaping keys of JSON pointers."""

from __future__ import annotations

from typing import Any, Final

from webhook.cel.costs import units
from webhook.cel.library import Function, Library, Overload
from webhook.cel.types import STRING


def escape_key(key: str) -> str:
    """Return a key as it stands in a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _argument_units(_result: Any, text: Any) -> int:
    return units(text)


LIBRARY: Final = Library(
    "jsonpatch",
    (
        Function(
            "jsonpatch.escapeKey",
            (Overload((STRING,), STRING, escape_key),),
            cost=_argument_units,
            examples=(
                ("jsonpatch.escapeKey('k8s.io/my~label')", '"k8s.io~1my~0label"'),
                ("jsonpatch.escapeKey('plain')", '"plain"'),
            ),
            documentation="The key as it stands in the path of a JSON Patch.",
        ),
    ),
)
