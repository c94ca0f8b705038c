"""Library format: Kubernetes' named formats of strings."""

from __future__ import annotations

from math import ceil
from typing import Any, Final

from webhook.cel.costs import PATTERN, TRAVERSAL, size
from webhook.cel.functions.named_formats import FORMATS, Format
from webhook.cel.library import Function, Library, Overload
from webhook.cel.types import STRING, ListType, OpaqueType, OptionalType
from webhook.cel.values import ABSENT, Optional

FORMAT: Final = OpaqueType("kubernetes.NamedFormat")


def _named(name: str) -> Optional:
    found = FORMATS.get(name)
    return ABSENT if found is None else Optional(found)


def _validate(named: Format, text: str) -> Optional:
    problems = named.check(text)
    return Optional(problems) if problems else ABSENT


def _validate_cost(_result: Any, named: Any, text: Any) -> int:
    if not isinstance(named, Format):
        return 1
    return ceil((1.0 + size(text)) * TRAVERSAL) * ceil(named.pattern_size * PATTERN)


def _constant(name: str, named: Format) -> Function:
    return Function(
        f"format.{name}",
        (Overload((), FORMAT, lambda: named),),
        since="1.31",
        examples=((f"format.{name}() == format.named('{name}').value()", "true"),),
        documentation=f"The format {name}.",
    )


LIBRARY: Final = Library(
    "format",
    (
        Function(
            "format.named",
            (Overload((STRING,), OptionalType(FORMAT), _named),),
            since="1.31",
            examples=(
                ("format.named('uuid').hasValue()", "true"),
                ("format.named('nope')", "optional.none()"),
            ),
            documentation="The format of a name, none if there is no such format.",
        ),
        Function(
            "validate",
            (Overload((FORMAT, STRING), OptionalType(ListType(STRING)), _validate, member=True),),
            since="1.31",
            cost=_validate_cost,
            examples=(
                ("format.dns1123Label().validate('my-name')", "optional.none()"),
                ("format.uuid().validate('x')", 'optional.of(["does not match the UUID format"])'),
            ),
            documentation="What is wrong with a string, none if it is valid.",
        ),
        *(_constant(name, named) for name, named in FORMATS.items()),
    ),
    (FORMAT,),
)
