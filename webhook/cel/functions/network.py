"""Libraries ip and cidr: addresses and networks, by Go's net/netip.

Zones and IPv4 addresses inside of IPv6 are refused; bits of the host in a network are not.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final

from webhook.cel.costs import TRAVERSAL, size, units
from webhook.cel.errors import EvaluationError, no_such_overload
from webhook.cel.functions import go_netip
from webhook.cel.functions.go_netip import Address, NetworkError, Prefix
from webhook.cel.functions.go_text import quote
from webhook.cel.library import Function, Library, Overload
from webhook.cel.types import BOOL, INT, STRING, OpaqueType

if TYPE_CHECKING:
    from collections.abc import Callable

IP: Final = OpaqueType("net.IP")
CIDR: Final = OpaqueType("net.CIDR")


def parse_ip(text: str) -> Address:
    """Read an address; raise EvaluationError with upstream's text."""
    try:
        address = go_netip.parse_address(text)
    except NetworkError as error:
        message = f"IP Address {quote(text)} parse error during conversion from string: {error}"
        raise EvaluationError(message) from None
    if address.zone:
        raise EvaluationError(f"IP address {quote(text)} with zone value is not allowed")
    if go_netip.is_mapped(address):
        raise EvaluationError(f"IPv4-mapped IPv6 address {quote(text)} is not allowed")
    return address


def parse_cidr(text: str) -> Prefix:
    """Read a network; raise EvaluationError with upstream's text, which says it twice."""
    again = "network address parse error during conversion from string: "
    try:
        prefix = go_netip.parse_prefix(text)
    except NetworkError as error:
        raise EvaluationError(f"{again}{again}{error}") from None
    if go_netip.is_mapped(prefix.address):
        raise EvaluationError(f"{again}IPv4-mapped IPv6 address {quote(text)} is not allowed")
    return prefix


def _accepted_by(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def is_accepted(text: str) -> bool:
        try:
            parse(text)
        except EvaluationError:
            return False
        return True

    return is_accepted


def _is_canonical(text: str) -> bool:
    return str(parse_ip(text)) == text


def _contains_ip_text(prefix: Prefix, text: str) -> bool:
    try:
        address = parse_ip(text)
    except EvaluationError:
        raise no_such_overload() from None  # upstream loses the reason
    return go_netip.contains(prefix, address)


def _contains_cidr(prefix: Prefix, other: Prefix) -> bool:
    return prefix.length <= other.length and go_netip.contains(prefix, other.address)


def _contains_cidr_text(prefix: Prefix, text: str) -> bool:
    return _contains_cidr(prefix, parse_cidr(text))


def _argument_units(_result: Any, text: Any) -> int:
    return units(text)


def _argument_twice(_result: Any, text: Any) -> int:
    return units(text, 2)


def _one(_result: Any, *_: Any) -> int:
    return 1


def _ip_cost(_result: Any, prefix: Any, *_: Any) -> int:
    return ceil((size(prefix) + size(prefix)) * TRAVERSAL)


def _ip_text_cost(result: Any, prefix: Any, text: Any) -> int:
    return _ip_cost(result, prefix) + units(text)


def _cidr_cost(result: Any, prefix: Any, *_: Any) -> int:
    return _ip_cost(result, prefix) + units(prefix) + 1


def _cidr_text_cost(result: Any, prefix: Any, text: Any) -> int:
    return _cidr_cost(result, prefix) + units(text)


def _test(
    name: str,
    implementation: Callable[[Address], bool],
    documentation: str,
    *examples: tuple[str, str],
) -> Function:
    return Function(
        name,
        (Overload((IP,), BOOL, implementation, member=True),),
        since="1.30",
        examples=examples,
        documentation=documentation,
    )


IP_LIBRARY: Final = Library(
    "ip",
    (
        Function(
            "ip",
            (Overload((STRING,), IP, parse_ip, cost=_argument_units),),
            since="1.30",
            examples=(
                ("ip('::1') == ip('0:0::1')", "true"),
                (
                    "ip('::ffff:1.2.3.4')",
                    'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed',
                ),
            ),
            documentation="An IP address; as a member of a CIDR the address in it.",
        ),
        Function(
            "isIP",
            (Overload((STRING,), BOOL, _accepted_by(parse_ip)),),
            since="1.30",
            cost=_argument_units,
            examples=(("isIP('127.0.0.1')", "true"), ("isIP('1.2.3')", "false")),
            documentation="Whether `ip` would accept the string.",
        ),
        Function(
            "ip.isCanonical",
            (Overload((STRING,), BOOL, _is_canonical),),
            since="1.30",
            cost=_argument_twice,
            examples=(
                ("ip.isCanonical('2001:db8::abcd')", "true"),
                ("ip.isCanonical('2001:DB8::ABCD')", "false"),
            ),
            documentation="Whether the string is the one way in which the address is printed.",
        ),
        Function(
            "family",
            (Overload((IP,), INT, lambda it: 4 if it.bits == 32 else 6, member=True),),
            since="1.30",
            examples=(("ip('127.0.0.1').family()", "4"), ("ip('::1').family()", "6")),
            documentation="4 or 6.",
        ),
        _test(
            "isUnspecified",
            go_netip.is_unspecified,
            "Whether it is 0.0.0.0 or ::.",
            ("ip('::').isUnspecified()", "true"),
        ),
        _test(
            "isLoopback",
            go_netip.is_loopback,
            "Whether it is in 127.0.0.0/8 or ::1.",
            ("ip('127.1.2.3').isLoopback()", "true"),
        ),
        _test(
            "isLinkLocalMulticast",
            go_netip.is_link_local_multicast,
            "Whether it is in 224.0.0.0/24 or ffx2::/16.",
            ("ip('224.0.0.1').isLinkLocalMulticast()", "true"),
        ),
        _test(
            "isLinkLocalUnicast",
            go_netip.is_link_local_unicast,
            "Whether it is in 169.254.0.0/16 or fe80::/10.",
            ("ip('fe80::1').isLinkLocalUnicast()", "true"),
        ),
        _test(
            "isGlobalUnicast",
            go_netip.is_global_unicast,
            "Whether it is none of the special kinds; private ranges are global.",
            ("ip('10.0.0.1').isGlobalUnicast()", "true"),
            ("ip('255.255.255.255').isGlobalUnicast()", "false"),
        ),
        Function(
            "string",
            (Overload((IP,), STRING, str),),
            since="1.30",
            examples=(("string(ip('2001:DB8::1'))", '"2001:db8::1"'),),
            documentation="The address in its canonical form.",
        ),
    ),
    (IP,),
)

CIDR_LIBRARY: Final = Library(
    "cidr",
    (
        Function(
            "cidr",
            (Overload((STRING,), CIDR, parse_cidr),),
            since="1.30",
            cost=_argument_units,
            examples=(
                ("cidr('192.168.0.1/16')", "net.CIDR(192.168.0.1/16)"),
                ("cidr('10.0.0.1/8') == cidr('10.0.0.0/8')", "false"),
            ),
            documentation="A network in CIDR notation.",
        ),
        Function(
            "isCIDR",
            (Overload((STRING,), BOOL, _accepted_by(parse_cidr)),),
            since="1.30",
            cost=_argument_units,
            examples=(("isCIDR('192.168.0.1/16')", "true"), ("isCIDR('::1/129')", "false")),
            documentation="Whether `cidr` would accept the string.",
        ),
        Function(
            "containsIP",
            (
                Overload((CIDR, STRING), BOOL, _contains_ip_text, member=True, cost=_ip_text_cost),
                Overload((CIDR, IP), BOOL, go_netip.contains, member=True),
            ),
            since="1.30",
            cost=_ip_cost,
            examples=(
                ("cidr('192.168.0.0/24').containsIP('192.168.0.5')", "true"),
                ("cidr('192.168.0.0/24').containsIP(ip('::1'))", "false"),
                ("cidr('192.168.0.0/24').containsIP('bad')", "no such overload"),
            ),
            documentation="Whether an address is in the network.",
        ),
        Function(
            "containsCIDR",
            (
                Overload(
                    (CIDR, STRING), BOOL, _contains_cidr_text, member=True, cost=_cidr_text_cost
                ),
                Overload((CIDR, CIDR), BOOL, _contains_cidr, member=True),
            ),
            since="1.30",
            cost=_cidr_cost,
            examples=(
                ("cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')", "true"),
                ("cidr('192.168.1.0/24').containsCIDR(cidr('192.168.0.0/16'))", "false"),
            ),
            documentation="Whether another network is in the network.",
        ),
        Function(
            "ip",
            (Overload((CIDR,), IP, lambda it: it.address, member=True, cost=_one),),
            since="1.30",
            cost=_argument_units,
            examples=(("string(cidr('192.168.0.1/24').ip())", '"192.168.0.1"'),),
            documentation="The address in it, bits of the host included.",
        ),
        Function(
            "masked",
            (Overload((CIDR,), CIDR, go_netip.masked, member=True),),
            since="1.30",
            examples=(("string(cidr('192.168.0.1/24').masked())", '"192.168.0.0/24"'),),
            documentation="The network without bits of the host.",
        ),
        Function(
            "prefixLength",
            (Overload((CIDR,), INT, lambda it: it.length, member=True),),
            since="1.30",
            examples=(("cidr('::1/128').prefixLength()", "128"),),
            documentation="The length of the prefix in bits.",
        ),
        Function(
            "string",
            (Overload((CIDR,), STRING, str),),
            since="1.30",
            examples=(("string(cidr('192.168.0.1/24'))", '"192.168.0.1/24"'),),
            documentation="The network as text.",
        ),
    ),
    (CIDR, IP),
)
