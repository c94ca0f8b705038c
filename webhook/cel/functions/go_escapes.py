"""Percent-escapes of URLs as Go's net/url decodes and writes them, part by part.

Works on bytes, as Go does: an escape may stand for any byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from webhook.cel.functions.go_text import quote_bytes


class UrlError(ValueError):
    """A text is no URL; `str()` is upstream's text."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a URL: the bytes that stand for themselves in it."""

    kept: frozenset[int]


_PLAIN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
PATH: Final = Part(frozenset(_PLAIN + b"$&+,/:;=@"))
USER: Final = Part(frozenset(_PLAIN + b"$&+,;="))
HOST: Final = Part(frozenset(_PLAIN + b"!$&'()*+,;=:[]<>\""))
FRAGMENT: Final = Part(frozenset(_PLAIN + b"$&+,/:;=?@!()*"))

_BROKEN: Final = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_NOT_IN_HOST: Final = re.compile(
    rb"%.{0,2}|[^%\x80-\xff" + re.escape(bytes(sorted(HOST.kept))) + rb"]", re.DOTALL
)
# Besides the bytes kept, these may be in text that is already escaped.
_ENCODED: Final = frozenset(b"!$&'()*+,;=:@[]%")


def unescape(data: bytes) -> bytes:
    """Decode the escapes of a path, user or fragment."""
    broken = _BROKEN.search(data)
    if broken is not None:
        raise _escape_error(broken[0])
    return _decode(data)


def unescape_query(data: bytes) -> bytes:
    """Decode a key or value of a query, where a plus stands for a space."""
    return unescape(data.replace(b"+", b" "))


def unescape_host(data: bytes) -> bytes:
    """Decode a host: only bytes that are not ASCII may be escaped in it, and the percent sign."""
    for found in _NOT_IN_HOST.finditer(data):
        _check_host(found[0])
        if found[0][1] in b"01234567" and found[0] != b"%25":
            raise _escape_error(found[0])
    return _decode(data)


def unescape_zone(data: bytes) -> bytes:
    """Decode the zone of an IPv6 address."""
    for found in _NOT_IN_HOST.finditer(data):
        _check_host(found[0])
        byte = int(found[0][1:], 16)
        if found[0] != b"%25" and byte != ord(" ") and byte not in HOST.kept:
            raise _escape_error(found[0])
    return _decode(data)


def _check_host(found: bytes) -> None:
    """Raise UrlError unless it is a well-formed escape."""
    if not found.startswith(b"%"):
        raise UrlError(f"invalid character {quote_bytes(found)} in host name")
    if not _ESCAPE.fullmatch(found):
        raise _escape_error(found)


def _escape_error(found: bytes) -> UrlError:
    return UrlError(f"invalid URL escape {quote_bytes(found)}")


def _decode(data: bytes) -> bytes:
    if b"%" not in data:
        return data
    return _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), data)


def escape(data: bytes, part: Part) -> bytes:
    """Write bytes so that they can stand in a part of a URL."""
    return b"".join(bytes((byte,)) if byte in part.kept else b"%%%02X" % byte for byte in data)


def is_encoded(data: bytes, part: Part) -> bool:
    """Tell whether the text could be an encoding of some path or fragment."""
    return all(byte in _ENCODED or byte in part.kept for byte in data)
