"""Kubernetes' named formats: what is wrong with a text, in apimachinery's words.

Lengths count bytes, as upstream's do. The expressions here are possessive forms of upstream's
(which the messages quote): the same texts match, and a long one costs one pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from webhook.cel.functions.go_escapes import UrlError
from webhook.cel.functions.go_url import check_request_uri

if TYPE_CHECKING:
    from collections.abc import Callable

_LABEL: Final = r"[a-z0-9]++(?:-++[a-z0-9]++)*+"
_DNS_LABEL: Final = re.compile(_LABEL)
_DNS_SUBDOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+")
_DNS_1035: Final = re.compile(r"(?=[a-z])" + _LABEL)
_NAME: Final = re.compile(r"[A-Za-z0-9]++(?:[-._]++[A-Za-z0-9]++)*+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_BASE64: Final = re.compile(
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
)
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME: Final = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})"
)

# Upstream's own spelling, shown in the messages.
_LABEL_SHOWN: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_SHOWN: Final = rf"{_LABEL_SHOWN}(\.{_LABEL_SHOWN})*"
_NAME_SHOWN: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"


@dataclass(frozen=True, slots=True)
class Format:
    """A named format; two are equal when their names are.

    check: returns what is wrong with a text, nothing if it is valid.
    pattern_size: the length of a regular expression that upstream charges for.
    """

    cel_type_name: ClassVar[str] = "kubernetes.NamedFormat"

    name: str
    check: Callable[[str], list[str]] = field(compare=False)
    pattern_size: int = field(compare=False)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _wrong(message: str, shown: str, *examples: str) -> str:
    """Return upstream's text for a value that does not match an expression."""
    quoted = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {quoted}regex used for validation is '{shown}')"


_LABEL_WRONG: Final = _wrong(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character",
    _LABEL_SHOWN,
    "my-name",
    "123-abc",
)
_SUBDOMAIN_WRONG: Final = _wrong(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
    "'-' or '.', and must start and end with an alphanumeric character",
    _SUBDOMAIN_SHOWN,
    "example.com",
)
_DNS_1035_WRONG: Final = _wrong(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character",
    "[a-z]([-a-z0-9]*[a-z0-9])?",
    "my-name",
    "abc-123",
)
_NAME_WRONG: Final = _wrong(
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    _NAME_SHOWN,
    "MyName",
    "my.name",
    "123-abc",
)
_LABEL_VALUE_WRONG: Final = _wrong(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character",
    f"({_NAME_SHOWN})?",
    "MyValue",
    "my_value",
    "12345",
)


def check_dns_label(text: str) -> list[str]:
    """Check a DNS-1123 label, as the name of a Namespace."""
    problems = _too_long(text, 63, "characters")
    if _DNS_LABEL.fullmatch(text):
        return problems
    dots = _DNS_SUBDOMAIN.fullmatch(text) is not None
    return [*problems, "must not contain dots" if dots else _LABEL_WRONG]


def check_dns_subdomain(text: str, unit: str = "characters") -> list[str]:
    """Check a DNS-1123 subdomain, as the name of most objects."""
    problems = _too_long(text, 253, unit)
    return problems if _DNS_SUBDOMAIN.fullmatch(text) else [*problems, _SUBDOMAIN_WRONG]


def _too_long(text: str, limit: int, unit: str) -> list[str]:
    return [f"must be no more than {limit} {unit}"] if _bytes(text) > limit else []


def _check_dns_1035_label(text: str) -> list[str]:
    problems = _too_long(text, 63, "characters")
    return problems if _DNS_1035.fullmatch(text) else [*problems, _DNS_1035_WRONG]


def _check_qualified_name(text: str) -> list[str]:
    """Check a label key: a name, with a DNS subdomain and a slash before it or without."""
    before, slash, name = text.rpartition("/")
    if "/" in before:
        optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {_NAME_WRONG} {optional}"]
    problems = []
    if slash:
        prefix = check_dns_subdomain(before, "bytes") if before else ["must be non-empty"]
        problems += [f"prefix part {problem}" for problem in prefix]
    wrong = ["must be non-empty"] if not name else _too_long(name, 63, "bytes")
    wrong += [] if _NAME.fullmatch(name) else [_NAME_WRONG]
    return problems + [f"name part {problem}" for problem in wrong]


def _check_label_value(text: str) -> list[str]:
    problems = _too_long(text, 63, "bytes")
    valid = not text or _NAME.fullmatch(text)
    return problems if valid else [*problems, _LABEL_VALUE_WRONG]


def _prefix_of(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Return the check for a name that gets a random ending, and so may end with a dash."""

    def check_prefix(text: str) -> list[str]:
        # Upstream cuts two bytes and adds a letter; what is not ASCII stays wrong.
        if len(text) > 1 and text.endswith("-") and text[-2].isascii():
            return check(text[:-2] + "a")
        return check(text)

    return check_prefix


def _check_uri(text: str) -> list[str]:
    try:
        check_request_uri(text)
    except UrlError as error:
        return [str(error)]
    return []


def _check_uuid(text: str) -> list[str]:
    return [] if _UUID.fullmatch(text) else ["does not match the UUID format"]


def _check_byte(text: str) -> list[str]:
    return [] if _BASE64.fullmatch(text) else ["invalid base64"]


def _check_date(text: str) -> list[str]:
    return [] if _is_date(text) else ["invalid date"]


def _check_datetime(text: str) -> list[str]:
    """Check date and time; what follows a second `t` is not looked at (upstream's way)."""
    parts = text.lower().split("t")
    time = _TIME.fullmatch(parts[1]) if len(parts) > 1 and _is_date(parts[0]) else None
    valid = time and time[1] <= "23" and time[2] <= "59" and time[3] <= "59"
    return [] if valid else ["invalid datetime"]


def _is_date(text: str) -> bool:
    """Tell whether it is a day of the Gregorian calendar; unlike datetime, year 0 is one."""
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    year, month, day = map(int, found.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= month <= 12 and 1 <= day <= days[month - 1]


# The sizes are upstream's estimates; of uuid, date and datetime they are lengths of expressions.
FORMATS: Final = {
    "dns1123Label": Format("DNS1123Label", check_dns_label, 30),
    "dns1123Subdomain": Format("DNS1123Subdomain", check_dns_subdomain, 60),
    "dns1035Label": Format("DNS1035Label", _check_dns_1035_label, 30),
    "qualifiedName": Format("QualifiedName", _check_qualified_name, 60),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix_of(check_dns_label), 30),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _prefix_of(check_dns_subdomain), 60),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix_of(_check_dns_1035_label), 30),
    "labelValue": Format("LabelValue", _check_label_value, 40),
    "uri": Format("URI", _check_uri, 1103),
    "uuid": Format("uuid", _check_uuid, 70),
    "byte": Format("byte", _check_byte, 84),
    "date": Format("date", _check_date, 71),
    "datetime": Format("datetime", _check_datetime, 71),
}
