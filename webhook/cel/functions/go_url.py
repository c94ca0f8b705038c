"""URLs as Go's net/url parses, takes apart and prints them.

Python's urllib accepts almost everything and splits differently. Go 1.26's rules apply: a host
with more than one colon outside of brackets is wrong for http and https.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from webhook.cel.functions.go_escapes import (
    FRAGMENT,
    HOST,
    PATH,
    USER,
    Part,
    UrlError,
    escape,
    is_encoded,
    unescape,
    unescape_host,
    unescape_query,
    unescape_zone,
)
from webhook.cel.functions.go_netip import NetworkError, parse_address
from webhook.cel.functions.go_text import decode_text, quote_bytes

_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_SCHEME: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*):")
_USER: Final = re.compile(rb"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT: Final = re.compile(rb"(?::[0-9]*)?")
_MAX_PARAMETERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Encoded:
    """A path or fragment: decoded, and as written where that is not the usual encoding."""

    part: Part
    decoded: bytes = b""
    written: bytes = b""

    def __bytes__(self) -> bytes:
        if self.written and is_encoded(self.written, self.part):
            return self.written
        return self.decoded if self.decoded == b"*" else escape(self.decoded, self.part)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who and where: `user:password@host:port`; `password` is None where there is no colon."""

    host: bytes = b""
    user: bytes | None = None
    password: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Url:
    """A parsed URL; two are equal when they print the same."""

    cel_type_name: ClassVar[str] = "kubernetes.URL"

    scheme: bytes = b""
    opaque: bytes = b""
    authority: Authority = Authority()
    omit_host: bool = False
    path: Encoded = Encoded(PATH)
    force_query: bool = False
    raw_query: bytes = b""
    fragment: Encoded = Encoded(FRAGMENT)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and bytes(self) == bytes(other)

    def __hash__(self) -> int:
        return hash(bytes(self))

    def __bytes__(self) -> bytes:
        body = self.opaque or self._authority() + bytes(self.path)
        scheme = self.scheme + b":" if self.scheme else b""
        query = b"?" + self.raw_query if self.force_query or self.raw_query else b""
        fragment = b"#" + bytes(self.fragment) if self.fragment.decoded else b""
        return scheme + body + query + fragment

    def __str__(self) -> str:
        return decode_text(bytes(self))

    def _authority(self) -> bytes:
        """Print `//user:password@host`, empty where the URL has none."""
        host, user, password = self.authority.host, self.authority.user, self.authority.password
        if (
            not host
            and user is None
            and (self.omit_host or not (self.scheme and self.path.decoded))
        ):
            return b""
        who = b"" if user is None else escape(user, USER)
        who += b"" if password is None else b":" + escape(password, USER)
        return b"//" + who + (b"" if user is None else b"@") + escape(host, HOST)


def parse_url(text: str) -> Url:
    """Read a URL; raise UrlError with upstream's text."""
    raw = text.encode("utf-8", "surrogatepass")
    url = _parse_request(raw)
    if b"#" not in raw and not raw.startswith(b"//"):
        return url
    # That took a fragment for a part of the path or query, and a host for a path.
    before, _, fragment = raw.partition(b"#")
    try:
        url = _parse(before, via_request=False)
    except UrlError as error:
        raise _parse_error(before, error) from None
    try:
        return replace(url, fragment=_encoded(fragment, FRAGMENT))
    except UrlError as error:
        raise _parse_error(raw, error) from None


def check_request_uri(text: str) -> None:
    """Raise UrlError unless the text is an absolute URI or an absolute path."""
    _parse_request(text.encode("utf-8", "surrogatepass"))


def _parse_request(raw: bytes) -> Url:
    try:
        return _parse(raw, via_request=True)
    except UrlError as error:
        raise _parse_error(raw, error) from None


def _parse_error(raw: bytes, error: UrlError) -> UrlError:
    return UrlError(f"parse {quote_bytes(raw)}: {error}")


def _parse(raw: bytes, *, via_request: bool) -> Url:
    """Read a URL without fragment; `via_request` takes `//` for the start of a path."""
    if _CONTROL.search(raw):
        raise UrlError("net/url: invalid control character in URL")
    if not raw:
        raise UrlError("empty url")
    if raw == b"*":
        return Url(path=Encoded(PATH, b"*"))
    scheme, rest = _split_scheme(raw)
    force_query = rest.endswith(b"?") and rest.count(b"?") == 1
    rest, _, query = rest.partition(b"?")
    authority = Authority()
    if not rest.startswith(b"/"):
        if not scheme:
            raise UrlError("invalid URI for request")
        return Url(scheme, rest, force_query=force_query, raw_query=query)
    has_host = rest.startswith(b"//") and (scheme or not (via_request or rest.startswith(b"///")))
    if has_host:
        before, slash, path = rest[2:].partition(b"/")
        authority, rest = _parse_authority(scheme, before), slash + path
    omit_host = bool(scheme) and not has_host
    return Url(scheme, b"", authority, omit_host, _encoded(rest, PATH), force_query, query)


def _encoded(written: bytes, part: Part) -> Encoded:
    decoded = unescape(written)
    return Encoded(part, decoded, b"" if escape(decoded, part) == written else written)


def _split_scheme(raw: bytes) -> tuple[bytes, bytes]:
    """Return the scheme in lower case, and what follows its colon."""
    if raw.startswith(b":"):
        raise UrlError("missing protocol scheme")
    found = _SCHEME.match(raw)
    return (found[1].lower(), raw[found.end() :]) if found else (b"", raw)


def _parse_authority(scheme: bytes, raw: bytes) -> Authority:
    who, at_sign, where = raw.rpartition(b"@")
    host = _parse_host(scheme, where)
    if not at_sign:
        return Authority(host)
    if not _USER.fullmatch(who):
        raise UrlError("net/url: invalid userinfo")
    user, colon, password = who.partition(b":")
    decoded = unescape(user)
    return Authority(host, decoded, unescape(password) if colon else None)


def _parse_host(scheme: bytes, raw: bytes) -> bytes:
    """Check and decode `host:port`."""
    bracket = raw.rfind(b"[")
    if bracket > 0:
        raise UrlError("invalid IP-literal")
    if bracket == 0:
        return _parse_literal(raw)
    colon = raw.find(b":") if scheme in {b"http", b"https"} else raw.rfind(b":")
    if colon >= 0:
        _check_port(raw[colon:])
    return unescape_host(raw)


def _check_port(raw: bytes) -> None:
    if not _PORT.fullmatch(raw):
        raise UrlError(f"invalid port {quote_bytes(raw)} after host")


def _parse_literal(raw: bytes) -> bytes:
    """Check and decode `[IPv6]:port`."""
    end = raw.rfind(b"]")
    if end < 0:
        raise UrlError("missing ']' in host")
    port = raw[end + 1 :]
    _check_port(port)
    inside = raw[1:end]
    zone = inside.find(b"%25")
    if zone >= 0:
        name = unescape_host(inside[:zone]) + unescape_zone(inside[zone:])
    else:
        name = unescape_host(inside)
    try:
        address = parse_address(name.decode("utf-8", "surrogateescape"))
    except NetworkError as error:
        raise UrlError(f"invalid host: {error}") from None
    if address.bits == 32:
        raise UrlError("invalid IP-literal")
    return b"[" + name + b"]" + port


def split_host(url: Url) -> tuple[str, str]:
    """Return host name without brackets and port, "" where there is none."""
    host, port = url.authority.host, b""
    colon = host.rfind(b":")
    if colon >= 0 and _PORT.fullmatch(host[colon:]):
        host, port = host[:colon], host[colon + 1 :]
    if host.startswith(b"[") and host.endswith(b"]"):
        host = host[1:-1]
    return decode_text(host), decode_text(port)


def query_values(url: Url) -> dict[str, list[str]]:
    """Return the parameters of the query; pairs that are not well formed are left out."""
    values: dict[str, list[str]] = {}
    if url.raw_query.count(b"&") >= _MAX_PARAMETERS:
        return values
    for pair in url.raw_query.split(b"&"):
        if not pair or b";" in pair:
            continue
        key, _, value = pair.partition(b"=")
        try:
            name, text = unescape_query(key), unescape_query(value)
        except UrlError:
            continue
        values.setdefault(decode_text(name), []).append(decode_text(text))
    return values
