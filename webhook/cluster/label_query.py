"""Label selectors in the API's query text (`app=web,tier in (a,b),!old`) over objects held here.

The text is parsed into the selector form of `objects.selectors`, which does the matching.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from webhook.model import Json
from webhook.objects.selectors import LabelSelector, SelectorError, matches, parse_selector

REQUIREMENT = re.compile(
    r"""\s* (?:
        (?P<absent> ! \s* (?P<absent_key> [^\s=!,()]+ ))
      | (?P<key> [^\s=!,()]+ ) (?:
            \s* (?P<sign> ==|=|!= ) \s* (?P<value> [^\s=!,()]* )
          | \s+ (?P<word> in|notin ) \s* \( (?P<values> [^()]* ) \)
        )?
    ) \s* (?:,|$)""",
    re.VERBOSE,
)


class QueryError(ValueError):
    """A label selector text that the API server would refuse as well."""


def parse_query(text: str) -> LabelSelector:
    """Parse the text; "" selects everything. Raise QueryError with the place of the mistake."""
    expressions: list[Json] = []
    position = 0
    while position < len(text):
        found = REQUIREMENT.match(text, position)
        if found is None:
            raise QueryError(f"label selector {text!r}: cannot read {text[position:]!r}")
        expressions.append(_expression(found))
        position = found.end()
    try:
        return parse_selector({"matchExpressions": expressions})
    except SelectorError as error:
        raise QueryError(f"label selector {text!r}: {error}") from error


def select(objects: Iterable[Json], namespace: str, text: str) -> list[Json]:
    """Return the objects in that namespace ("" means all) that the selector text matches."""
    selector = parse_query(text)
    found = (one for one in objects if namespace in ("", _metadata(one).get("namespace", "")))
    return [one for one in found if matches(selector, _metadata(one).get("labels") or {})]


def _expression(found: re.Match[str]) -> Json:
    if found["absent"]:
        return {"key": found["absent_key"], "operator": "DoesNotExist"}
    if found["sign"]:
        operator = "NotIn" if found["sign"] == "!=" else "In"
        return {"key": found["key"], "operator": operator, "values": [found["value"]]}
    if found["word"]:
        operator = "NotIn" if found["word"] == "notin" else "In"
        values = [value.strip() for value in found["values"].split(",")]
        return {"key": found["key"], "operator": operator, "values": values}
    return {"key": found["key"], "operator": "Exists"}


def _metadata(value: Json) -> dict[str, Json]:
    metadata = value.get("metadata")
    return metadata if isinstance(metadata, dict) else {}
