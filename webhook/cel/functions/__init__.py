"""Function libraries of the language, one module each.

The order is that of upstream's environment: overloads of one name are tried in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhook.cel.functions import (
    authorizer,
    conversions,
    format,  # noqa: A004 - the library's own name
    jsonpatch,
    list_extension,
    lists,
    network,
    optionals,
    quantity,
    regex,
    semver,
    sets,
    standard,
    strings,
    urls,
)

if TYPE_CHECKING:
    from webhook.cel.library import Library

LIBRARIES: Final[tuple[Library, ...]] = (
    standard.LIBRARY,
    conversions.LIBRARY,
    urls.LIBRARY,
    regex.LIBRARY,
    authorizer.LIBRARY,
    optionals.LIBRARY,
    quantity.LIBRARY,
    strings.LIBRARY,
    sets.LIBRARY,
    network.IP_LIBRARY,
    network.CIDR_LIBRARY,
    format.LIBRARY,
    semver.LIBRARY,
    list_extension.LIBRARY,
    lists.LIBRARY,
)
"""What every environment knows."""

MUTATION_LIBRARIES: Final[tuple[Library, ...]] = (jsonpatch.LIBRARY,)
"""What only expressions of mutating policies know."""
