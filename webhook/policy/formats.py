"""The formats of names in policy documents, with the API server's own texts.

Each function returns what is wrong, nothing for a good name. Source: apimachinery
`pkg/util/validation`, `pkg/api/validation/path`, and the validation of admissionregistration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{_QUALIFIED}')"
)

RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for"),
        *("function", "if", "import", "let", "loop", "package", "namespace", "return", "var"),
        *("void", "while"),
    )
)
"""Words that cannot be names in CEL."""


def dns_1123_subdomain(name: str) -> Iterator[str]:
    """Check the name of an object or of an API group."""
    if len(name) > 253:
        yield "must be no more than 253 characters"
    if not re.fullmatch(_SUBDOMAIN, name):
        yield (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            "'-' or '.', and must start and end with an alphanumeric character (e.g. "
            f"'example.com', regex used for validation is '{_SUBDOMAIN}')"
        )


def dns_1035_label(name: str) -> Iterator[str]:
    """Check an API version, or a kind in lower case."""
    if len(name) > 63:
        yield "must be no more than 63 characters"
    if not re.fullmatch(_DNS_1035, name):
        yield (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
            "with an alphabetic character, and end with an alphanumeric character (e.g. "
            f"'my-name',  or 'abc-123', regex used for validation is '{_DNS_1035}')"
        )


def qualified_name(name: str) -> Iterator[str]:
    """Check a name with an optional prefix, such as a label key."""
    prefix, slash, last = name.rpartition("/")
    if "/" in prefix:
        yield (
            f"a qualified name {_QUALIFIED_TEXT} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        )
        return
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash:
        yield from (f"prefix part {text}" for text in dns_1123_subdomain(prefix))
    if not last:
        yield "name part must be non-empty"
    elif len(last) > 63:
        yield "name part must be no more than 63 characters"
    if not re.fullmatch(_QUALIFIED, last):
        yield f"name part {_QUALIFIED_TEXT}"


def label_value(value: str) -> Iterator[str]:
    """Check the value of a label; it may be empty."""
    if len(value) > 63:
        yield "must be no more than 63 characters"
    if not re.fullmatch(f"({_QUALIFIED})?", value):
        yield (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', "
            "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  "
            f"or 'my_value',  or '12345', regex used for validation is '({_QUALIFIED})?')"
        )


def path_segment(name: str) -> Iterator[str]:
    """Check a name that becomes part of a URL's path."""
    if name in {".", ".."}:
        yield f"may not be '{name}'"
    yield from (f"may not contain '{mark}'" for mark in "/%" if mark in name)


def is_identifier(name: str) -> bool:
    """Tell whether a variable may have this name."""
    return _IDENTIFIER.fullmatch(name) is not None and name not in RESERVED
