"""IP addresses and prefixes as Go's net/netip reads, prints and classifies them.

Python's ipaddress accepts other texts, has other words for what is wrong with them and another
idea of what is global. Zones are read, because the text of the refusal depends on them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from webhook.cel.functions.go_text import quote

_HEX: Final = frozenset("0123456789abcdefABCDEF")
_FIELD: Final = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN_IPV4: Final = re.compile(rf"{_FIELD}\.{_FIELD}\.{_FIELD}\.{_FIELD}")
_DECISIVE: Final = re.compile("[.:%]")
_MAPPED: Final = 0xFFFF  # the bits before the last 32 of ::ffff:1.2.3.4


class NetworkError(ValueError):
    """A text is no address or prefix; `str()` is upstream's text."""


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address: its number, 32 or 128 bits, and an IPv6 zone."""

    cel_type_name: ClassVar[str] = "net.IP"

    number: int
    bits: int
    zone: str = ""

    def cel_size(self) -> int:
        """Return the length in bytes."""
        return self.bits // 8

    def __str__(self) -> str:
        return _dotted(self.number) if self.bits == 32 else _colons(self.number)


@dataclass(frozen=True, slots=True)
class Prefix:
    """A network in CIDR notation; bits of the host are kept."""

    cel_type_name: ClassVar[str] = "net.CIDR"

    address: Address
    length: int

    def cel_size(self) -> int:
        """Return the length of the prefix in bytes."""
        return (self.length + 7) // 8

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _colons(number: int) -> str:
    """Write an IPv6 address, the longest run of at least two zero fields as `::`."""
    fields = [number >> shift & 0xFFFF for shift in range(112, -1, -16)]
    start, length = 0, 1
    for first in range(8):
        run = next((i for i, it in enumerate(fields[first:]) if it), 8 - first)
        if run > length:
            start, length = first, run
    texts = [f"{field:x}" for field in fields]
    if length < 2:
        return ":".join(texts)
    return f"{':'.join(texts[:start])}::{':'.join(texts[start + length :])}"


def is_mapped(address: Address) -> bool:
    """Tell whether it is an IPv4 address inside IPv6 (`::ffff:1.2.3.4`)."""
    return address.bits == 128 and address.number >> 32 == _MAPPED


def parse_address(text: str) -> Address:
    """Read an address; raise NetworkError with netip.ParseAddr's text."""
    plain = _PLAIN_IPV4.fullmatch(text)
    if plain is not None:
        one, two, three, four = map(int, plain.groups())
        return Address(one << 24 | two << 16 | three << 8 | four, 32)
    decisive = _DECISIVE.search(text)
    if decisive is None:
        raise _bad(text, "unable to parse IP")
    if decisive[0] == ".":
        raise _bad_ipv4(text, text)
    if decisive[0] == "%":
        raise _bad(text, "missing IPv6 address")
    return _parse_ipv6(text)


def _bad(text: str, message: str, at: str = "") -> NetworkError:
    place = f" (at {quote(at)})" if at else ""
    return NetworkError(f"ParseAddr({quote(text)}): {message}{place}")


def _bad_ipv4(whole: str, text: str) -> NetworkError:
    """Say what is wrong with four decimal fields; `whole` is what the message shows."""
    position = 0
    digits = ""
    for index, character in enumerate(text):
        if "0" <= character <= "9":
            digits += character
            if len(digits) > 1 and digits[0] == "0":
                return _bad(whole, "IPv4 field has octet with leading zero")
            if int(digits) > 255:
                return _bad(whole, "IPv4 field has value >255")
        elif character != ".":
            return _bad(whole, "unexpected character", text[index:])
        elif not digits or index == len(text) - 1:
            return _bad(whole, "IPv4 field must have at least one digit", text[index:])
        elif position == 3:
            break
        else:
            position, digits = position + 1, ""
    return _bad(whole, "IPv4 address too long" if position == 3 else "IPv4 address too short")


def _parse_ipv6(text: str) -> Address:
    """Read an IPv6 address with an optional zone."""
    body, percent, zone = text.partition("%")
    if percent and not zone:
        raise _bad(text, "zone must be a non-empty string")
    fields, ellipsis = _parse_groups(text, body)
    if ellipsis is None:
        if len(fields) < 8:
            raise _bad(text, "address string too short")
    elif len(fields) == 8:
        raise _bad(text, "the :: must expand to at least one field of zeros")
    else:
        fields[ellipsis:ellipsis] = [0] * (8 - len(fields))
    number = 0
    for field in fields:
        number = number << 16 | field
    return Address(number, 128, zone)


def _parse_groups(text: str, body: str) -> tuple[list[int], int | None]:
    """Return the fields as written, and the index of the `::` among them."""
    fields: list[int] = []
    ellipsis = None
    rest = body
    if rest.startswith("::"):
        ellipsis, rest = 0, rest[2:]
    while rest and len(fields) < 8:
        digits = _hex_digits(text, rest)
        if rest[digits : digits + 1] == ".":
            fields += _embedded(text, rest, len(fields), ellipsis)
            return fields, ellipsis
        fields.append(int(rest[:digits], 16))
        rest = _after_group(text, rest[digits:])
        if rest.startswith(":"):
            if ellipsis is not None:
                raise _bad(text, "multiple :: in address", rest)
            ellipsis, rest = len(fields), rest[1:]
    if rest:
        raise _bad(text, "trailing garbage after address", rest)
    return fields, ellipsis


def _hex_digits(text: str, rest: str) -> int:
    """Count the digits of the next group."""
    count = next((i for i, it in enumerate(rest[:5]) if it not in _HEX), len(rest[:5]))
    if count > 4:
        raise _bad(text, "each group must have 4 or less digits", rest)
    if not count:
        raise _bad(text, "each colon-separated field must have at least one digit", rest)
    return count


def _embedded(text: str, rest: str, before: int, ellipsis: int | None) -> list[int]:
    """Read the IPv4 address at the end of an IPv6 one as two fields."""
    if ellipsis is None and before != 6:
        message = "embedded IPv4 address must replace the final 2 fields of the address"
        raise _bad(text, message, rest)
    if before > 6:
        message = "too many hex fields to fit an embedded IPv4 at the end of the address"
        raise _bad(text, message, rest)
    if _PLAIN_IPV4.fullmatch(rest) is None:
        raise _bad_ipv4(text, rest)
    number = parse_address(rest).number
    return [number >> 16, number & 0xFFFF]


def _after_group(text: str, rest: str) -> str:
    """Return what follows the colon after a group, "" at the end."""
    if not rest:
        return ""
    if rest[0] != ":":
        raise _bad(text, "unexpected character, want colon", rest)
    if len(rest) == 1:
        raise _bad(text, "colon must be followed by more characters", rest)
    return rest[1:]


def parse_prefix(text: str) -> Prefix:
    """Read a prefix; raise NetworkError with netip.ParsePrefix's text."""
    before, slash, bits = text.rpartition("/")
    if not slash:
        raise _bad_prefix(text, "no '/'")
    try:
        address = parse_address(before)
    except NetworkError as error:
        raise _bad_prefix(text, str(error)) from None
    if address.zone:
        raise _bad_prefix(text, "IPv6 zones cannot be present in a prefix")
    # One digit may be a zero, more may not start with one; a length beyond an int64 is bad, too.
    if not (bits.isascii() and bits.isdigit()) or (len(bits) > 1 and bits[0] == "0"):
        raise _bad_prefix(text, f"bad bits after slash: {quote(bits)}")
    if len(bits) > 19 or int(bits) >= 2**63:
        raise _bad_prefix(text, f"bad bits after slash: {quote(bits)}")
    if int(bits) > address.bits:
        raise _bad_prefix(text, "prefix length out of range")
    return Prefix(address, int(bits))


def _bad_prefix(text: str, message: str) -> NetworkError:
    return NetworkError(f"netip.ParsePrefix({quote(text)}): {message}")


def masked(prefix: Prefix) -> Prefix:
    """Return the prefix without bits of the host."""
    host = prefix.address.bits - prefix.length
    number = prefix.address.number >> host << host
    return Prefix(Address(number, prefix.address.bits), prefix.length)


def contains(prefix: Prefix, address: Address) -> bool:
    """Tell whether the address is in the network; never, where the families differ."""
    host = prefix.address.bits - prefix.length
    same_family = prefix.address.bits == address.bits
    return same_family and prefix.address.number >> host == address.number >> host


def is_unspecified(address: Address) -> bool:
    """Tell whether it is 0.0.0.0 or ::."""
    return address.number == 0


def is_loopback(address: Address) -> bool:
    """Tell whether it is in 127.0.0.0/8 or ::1."""
    return address.number >> 24 == 127 if address.bits == 32 else address.number == 1


def is_multicast(address: Address) -> bool:
    """Tell whether it is in 224.0.0.0/4 or ff00::/8."""
    return address.number >> 28 == 0xE if address.bits == 32 else address.number >> 120 == 0xFF


def is_link_local_multicast(address: Address) -> bool:
    """Tell whether it is in 224.0.0.0/24 or ffx2::/16."""
    if address.bits == 32:
        return address.number >> 8 == 224 << 16
    return address.number >> 112 & 0xFF0F == 0xFF02


def is_link_local_unicast(address: Address) -> bool:
    """Tell whether it is in 169.254.0.0/16 or fe80::/10."""
    if address.bits == 32:
        return address.number >> 16 == 169 << 8 | 254
    return address.number >> 118 == 0xFE80 >> 6


def is_global_unicast(address: Address) -> bool:
    """Tell whether Go calls it global: private and unique local ranges are."""
    return not (
        is_unspecified(address)
        or is_loopback(address)
        or is_multicast(address)
        or is_link_local_unicast(address)
        or (address.bits == 32 and address.number == 0xFFFFFFFF)
    )
