"""Ports of Go's parsers, without the engine: addresses, URLs, versions, text, named formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webhook.cel.functions import go_netip
from webhook.cel.functions.blang_semver import (
    SemverError,
    compare,
    parse_normalized,
    parse_semver,
)
from webhook.cel.functions.go_escapes import UrlError
from webhook.cel.functions.go_netip import NetworkError, parse_address, parse_prefix
from webhook.cel.functions.go_text import decode_text, quote, quote_bytes
from webhook.cel.functions.go_url import (
    check_request_uri,
    parse_url,
    query_values,
    split_host,
)
from webhook.cel.functions.named_formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESSES = {
    "127.0.0.1": "127.0.0.1",
    "0.0.0.0": "0.0.0.0",
    "::": "::",
    "::1": "::1",
    "0:0::1": "::1",
    "2001:DB8::1": "2001:db8::1",
    "1:2:3:4:5:6:7:8": "1:2:3:4:5:6:7:8",
    "1:0:0:2:0:0:0:3": "1:0:0:2::3",
    "1::": "1::",
    "1:0:2:3:4:5:6:7": "1:0:2:3:4:5:6:7",
    "::1.2.3.4": "::102:304",
    "1:2:3:4:5:6:1.2.3.4": "1:2:3:4:5:6:102:304",
    "fe80::1%eth0": "fe80::1",
}


@pytest.mark.parametrize(("text", "expected"), ADDRESSES.items(), ids=ADDRESSES)
def test_address_is_read(text: str, expected: str) -> None:
    assert str(parse_address(text)) == expected


BAD_ADDRESSES = {
    "": "unable to parse IP",
    "abc": "unable to parse IP",
    "a%b": "missing IPv6 address",
    "127.0.0.256": "IPv4 field has value >255",
    "01.2.3.4": "IPv4 field has octet with leading zero",
    "1.2.3": "IPv4 address too short",
    "1.2.3.4.5": "IPv4 address too long",
    ".1.2.3": 'IPv4 field must have at least one digit (at ".1.2.3")',
    "1.2.3.": 'IPv4 field must have at least one digit (at ".")',
    "1..2.3": 'IPv4 field must have at least one digit (at ".2.3")',
    "1.2.3.x": 'unexpected character (at "x")',
    ":": 'each colon-separated field must have at least one digit (at ":")',
    "1:": 'colon must be followed by more characters (at ":")',
    "1": "unable to parse IP",
    "1:2": "address string too short",
    "12345::": 'each group must have 4 or less digits (at "12345::")',
    "1:g": 'each colon-separated field must have at least one digit (at "g")',
    "1g::": 'unexpected character, want colon (at "g::")',
    "1::2::3": 'multiple :: in address (at ":3")',
    "1:2:3:4:5:6:7:8:9": 'trailing garbage after address (at "9")',
    "1:2:3:4:5:6:7:8::": "the :: must expand to at least one field of zeros",
    "1:1.2.3.4": (
        'embedded IPv4 address must replace the final 2 fields of the address (at "1.2.3.4")'
    ),
    "::1:2:3:4:5:6:7:1.2.3.4": (
        'too many hex fields to fit an embedded IPv4 at the end of the address (at "1.2.3.4")'
    ),
    "::1.2.3": "IPv4 address too short",
    "fe80::1%": "zone must be a non-empty string",
}


@pytest.mark.parametrize(("text", "message"), BAD_ADDRESSES.items(), ids=BAD_ADDRESSES)
def test_bad_address_is_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        parse_address(text)
    assert str(caught.value) == f"ParseAddr({quote(text)}): {message}"


BAD_PREFIXES = {
    "bad": "no '/'",
    "x/1": 'ParseAddr("x"): unable to parse IP',
    "fe80::1%eth0/64": "IPv6 zones cannot be present in a prefix",
    "10.0.0.0/": 'bad bits after slash: ""',
    "10.0.0.0/08": 'bad bits after slash: "08"',
    "10.0.0.0/+8": 'bad bits after slash: "+8"',
    "10.0.0.0/9223372036854775808": 'bad bits after slash: "9223372036854775808"',
    "10.0.0.0/99999999999999999999": 'bad bits after slash: "99999999999999999999"',
    "10.0.0.0/33": "prefix length out of range",
    "::1/129": "prefix length out of range",
}


@pytest.mark.parametrize(("text", "message"), BAD_PREFIXES.items(), ids=BAD_PREFIXES)
def test_bad_prefix_is_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        parse_prefix(text)
    assert str(caught.value) == f"netip.ParsePrefix({quote(text)}): {message}"


# prefix, masked, address, whether it is in the prefix
PREFIXES = [
    ("192.168.0.1/24", "192.168.0.0/24", "192.168.0.77", True),
    ("192.168.0.1/24", "192.168.0.0/24", "192.168.1.1", False),
    ("0.0.0.0/0", "0.0.0.0/0", "1.2.3.4", True),
    ("::/0", "::/0", "1.2.3.4", False),
    ("2001:db8::1/32", "2001:db8::/32", "2001:db8:ffff::", True),
]


@pytest.mark.parametrize(("text", "masked", "address", "inside"), PREFIXES)
def test_prefix_holds_addresses(text: str, masked: str, address: str, inside: bool) -> None:
    prefix = parse_prefix(text)
    assert str(go_netip.masked(prefix)) == masked
    assert go_netip.contains(prefix, parse_address(address)) is inside
    assert prefix.cel_size() == -(-prefix.length // 8)
    assert prefix.address.cel_size() == (4 if "." in text else 16)


KINDS: dict[str, tuple[str, ...]] = {
    "0.0.0.0": ("unspecified",),
    "::": ("unspecified",),
    "127.1.2.3": ("loopback",),
    "::1": ("loopback",),
    "224.0.0.1": ("multicast", "link_local_multicast"),
    "224.0.1.1": ("multicast",),
    "ff02::1": ("multicast", "link_local_multicast"),
    "ff05::1": ("multicast",),
    "169.254.169.254": ("link_local_unicast",),
    "fe80::1": ("link_local_unicast",),
    "10.0.0.1": ("global_unicast",),
    "fd00::1": ("global_unicast",),
    "255.255.255.255": (),
}


@pytest.mark.parametrize(("text", "kinds"), KINDS.items(), ids=KINDS)
def test_address_is_of_gos_kinds(text: str, kinds: tuple[str, ...]) -> None:
    tests: dict[str, Callable[[go_netip.Address], bool]] = {
        "unspecified": go_netip.is_unspecified,
        "loopback": go_netip.is_loopback,
        "multicast": go_netip.is_multicast,
        "link_local_multicast": go_netip.is_link_local_multicast,
        "link_local_unicast": go_netip.is_link_local_unicast,
        "global_unicast": go_netip.is_global_unicast,
    }
    address = parse_address(text)
    assert tuple(name for name, test in tests.items() if test(address)) == kinds


def test_ipv4_inside_ipv6_is_known() -> None:
    assert go_netip.is_mapped(parse_address("::ffff:1.2.3.4"))
    assert not go_netip.is_mapped(parse_address("1.2.3.4"))


# text: printed, scheme, host, hostname, port, escaped path
URLS = {
    "https://u:p@example.com:80/p?q=v#f": (
        "https://u:p@example.com:80/p?q=v#f",
        ("https", "example.com:80", "example.com", "80", "/p"),
    ),
    "HTTP://E.com/": ("http://E.com/", ("http", "E.com", "E.com", "", "/")),
    "https://[::1]:80/": ("https://[::1]:80/", ("https", "[::1]:80", "::1", "80", "/")),
    "https://[fe80::1%25e%20h]/": (
        "https://[fe80::1%25e%20h]/",
        ("https", "[fe80::1%e h]", "fe80::1%e h", "", "/"),
    ),
    "/abs?": ("/abs?", ("", "", "", "", "/abs")),
    "//host/x": ("//host/x", ("", "host", "host", "", "/x")),
    "///x": ("///x", ("", "", "", "", "///x")),
    "mailto:a@b": ("mailto:a@b", ("mailto", "", "", "", "")),
    "*": ("*", ("", "", "", "", "*")),
    "https://e.com/path with spaces/": (
        "https://e.com/path%20with%20spaces/",
        ("https", "e.com", "e.com", "", "/path%20with%20spaces/"),
    ),
    "https://e.com": ("https://e.com", ("https", "e.com", "e.com", "", "")),
    "x:/a!b": ("x:/a!b", ("x", "", "", "", "/a!b")),
    "x:/a|b%2f": ("x:/a%7Cb/", ("x", "", "", "", "/a%7Cb/")),
    "https://u@h/#a b": ("https://u@h/#a%20b", ("https", "h", "h", "", "/")),
    "x://a:b:1/": ("x://a:b:1/", ("x", "a:b:1", "a:b", "1", "/")),
    "x://%C3%A9/": ("x://%C3%A9/", ("x", "é", "é", "", "/")),
    "x://%ff/": ("x://%FF/", ("x", "\ufffd", "\ufffd", "", "/")),
    "https://:8/": ("https://:8/", ("https", ":8", "", "8", "/")),
}


@pytest.mark.parametrize(("text", "expected"), URLS.items(), ids=URLS)
def test_url_is_taken_apart(text: str, expected: tuple[str, tuple[str, ...]]) -> None:
    url = parse_url(text)
    name, port = split_host(url)
    host = decode_text(url.authority.host)
    parts = (url.scheme.decode(), host, name, port, bytes(url.path).decode())
    assert (str(url), parts) == expected


def test_urls_are_equal_when_they_print_the_same() -> None:
    assert parse_url("HTTP://a/b c") == parse_url("http://a/b%20c")
    assert hash(parse_url("HTTP://a/b c")) == hash(parse_url("http://a/b%20c"))
    assert parse_url("http://a") != parse_url("http://a/")
    assert parse_url("/a") != "/a"


BAD_URLS = {
    "": "empty url",
    "../x": "invalid URI for request",
    ":x": "missing protocol scheme",
    "/a\x7f": "net/url: invalid control character in URL",
    "https://a:b:c/": 'invalid port ":b:c" after host',
    "x://a:b:c/": 'invalid port ":c" after host',
    "https://e.com/%zz": 'invalid URL escape "%zz"',
    "https://e.com/%": 'invalid URL escape "%"',
    "https://a[::1]/": "invalid IP-literal",
    "https://[1.2.3.4]/": "invalid IP-literal",
    "https://[::1/": "missing ']' in host",
    "https://[::1]x/": 'invalid port "x" after host',
    "https://[x]/": 'invalid host: ParseAddr("x"): unable to parse IP',
    "https://[fe80::1%25%7b]/": 'invalid URL escape "%7b"',
    "https://[fe80::1%25 ]/": 'invalid character " " in host name',
    "https://[::1%2]/": 'invalid URL escape "%2"',
    "https://a b/": 'invalid character " " in host name',
    "https://a%41/": 'invalid URL escape "%41"',
    "https://a%4/": 'invalid URL escape "%4"',
    "https://u|@h/": "net/url: invalid userinfo",
    "https://%zz@h/": 'invalid URL escape "%zz"',
}


@pytest.mark.parametrize(("text", "message"), BAD_URLS.items(), ids=BAD_URLS)
def test_bad_url_is_refused_in_gos_words(text: str, message: str) -> None:
    for parse in (check_request_uri, parse_url):
        with pytest.raises(UrlError) as caught:
            parse(text)
        assert str(caught.value) == f"parse {quote(text)}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://a/?q#%zz", 'parse "https://a/?q#%zz": invalid URL escape "%zz"'),
        ("//a b/#x", 'parse "//a b/": invalid character " " in host name'),
    ],
)
def test_url_may_be_wrong_after_the_check(text: str, message: str) -> None:
    check_request_uri(text)
    with pytest.raises(UrlError) as caught:
        parse_url(text)
    assert str(caught.value) == message


QUERIES: dict[str, dict[str, list[str]]] = {
    "k1=a&k2=b&k2=c": {"k1": ["a"], "k2": ["b", "c"]},
    "": {},
    "a;b=1": {},
    "a=%zz&b=1": {"b": ["1"]},
    "&&a+b=c%20d": {"a b": ["c d"]},
    "a": {"a": [""]},
    "&".join(["a"] * 10_001): {},
}


@pytest.mark.parametrize(
    ("query", "expected"), QUERIES.items(), ids=[query[:20] for query in QUERIES]
)
def test_query_is_read(query: str, expected: dict[str, list[str]]) -> None:
    assert query_values(parse_url(f"/?{query}")) == expected


BAD_VERSIONS = {
    "": "Version string empty",
    "1.2": "No Major.Minor.Patch elements found",
    "v1.2.3": 'Invalid character(s) found in major number "v1"',
    "01.2.3": 'Major number must not contain leading zeroes "01"',
    "1.x.3": 'Invalid character(s) found in minor number "x"',
    "1.02.3": 'Minor number must not contain leading zeroes "02"',
    "1.2.x": 'Invalid character(s) found in patch number "x"',
    "1.2.03": 'Patch number must not contain leading zeroes "03"',
    "1..3": 'strconv.ParseUint: parsing "": invalid syntax',
    "1.2.18446744073709551616": (
        'strconv.ParseUint: parsing "18446744073709551616": value out of range'
    ),
    "1.2.999999999999999999999": (
        'strconv.ParseUint: parsing "999999999999999999999": value out of range'
    ),
    "1.2.3-": "Prerelease is empty",
    "1.2.3-a..b": "Prerelease is empty",
    "1.2.3-01": 'Numeric PreRelease version must not contain leading zeroes "01"',
    "1.2.3-a_b": 'Invalid character(s) found in prerelease "a_b"',
    "1.2.3+": "Build meta data is empty",
    "1.2.3+a_b": 'Invalid character(s) found in build meta data "a_b"',
}


@pytest.mark.parametrize(("text", "message"), BAD_VERSIONS.items(), ids=BAD_VERSIONS)
def test_bad_version_is_refused(text: str, message: str) -> None:
    with pytest.raises(SemverError) as caught:
        parse_semver(text)
    assert str(caught.value) == message


NORMALIZED = {"v1.2": "1.2.0", "v01": "1.0.0", "00.0.1": "0.0.1", "1.2.3-01a": "1.2.3-01a"}


@pytest.mark.parametrize(("text", "expected"), NORMALIZED.items(), ids=NORMALIZED)
def test_version_is_mended(text: str, expected: str) -> None:
    assert parse_normalized(text) == parse_semver(expected)


BAD_NORMALIZED = {
    "1.2-rc1": "short version cannot contain PreRelease/Build meta data",
    "1+a": "short version cannot contain PreRelease/Build meta data",
    "é.1.2": 'Invalid character(s) found in major number "0é"',
}


@pytest.mark.parametrize(("text", "message"), BAD_NORMALIZED.items(), ids=BAD_NORMALIZED)
def test_some_versions_cannot_be_mended(text: str, message: str) -> None:
    with pytest.raises(SemverError) as caught:
        parse_normalized(text)
    assert str(caught.value) == message


ORDERED = [
    "0.0.1", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-a", "1.0.0-a.1", "1.0.0-a.b", "1.0.0-b",
    "1.0.0", "1.0.1", "1.10.0", "2.0.0",
]  # fmt: skip


def test_versions_are_in_order() -> None:
    versions = [parse_semver(text) for text in ORDERED]
    for place, version in enumerate(versions):
        found = [compare(version, other) for other in versions]
        assert found == [1] * place + [0] + [-1] * (len(versions) - place - 1)


def test_build_metadata_is_no_difference() -> None:
    assert parse_semver("1.2.3+a") == parse_semver("1.2.3+b")
    assert str(parse_semver("1.2.3-rc.1+a")) == "1.2.3-rc.1+a"


QUOTED = {
    'a"b': '"a\\"b"',
    "\n\\": '"\\n\\\\"',
    "\x00\x7f": '"\\x00\\x7f"',
    "é\u200b": '"é\\u200b"',
    "\U000e0001": '"\\U000e0001"',
}


@pytest.mark.parametrize(("text", "expected"), QUOTED.items(), ids=ascii)
def test_text_is_quoted_as_by_go(text: str, expected: str) -> None:
    assert quote(text) == expected


def test_bytes_that_are_no_text_are_kept_apart() -> None:
    assert quote_bytes(b"a\xff") == '"a\\xff"'
    assert decode_text(b"\xe2\x82x\xff") == "\ufffd\ufffdx\ufffd"


LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
DNS_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
NAME = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
LABEL_KEY = (
    f"a valid label key {NAME} with an optional DNS subdomain prefix and '/' "
    "(e.g. 'example.com/MyName')"
)

CHECKED: list[tuple[str, str, list[str]]] = [
    ("dns1123Label", "my-name", []),
    ("dns1123Label", "Bad_Name", [LABEL]),
    ("dns1123Label", "a.b", ["must not contain dots"]),
    ("dns1123Label", "a" * 64, ["must be no more than 63 characters"]),
    ("dns1123Label", "é" * 32, ["must be no more than 63 characters", LABEL]),
    ("dns1123Label", "-" * 50_000, ["must be no more than 63 characters", LABEL]),
    ("dns1123Subdomain", "a.b-c.d", []),
    ("dns1123Subdomain", "a..b", [SUBDOMAIN]),
    ("dns1123Subdomain", "a." * 130 + "a", ["must be no more than 253 characters"]),
    ("dns1035Label", "a1", []),
    ("dns1035Label", "1a", [DNS_1035]),
    ("qualifiedName", "example.com/My_Name", []),
    ("qualifiedName", "MyName", []),
    ("qualifiedName", "/b", ["prefix part must be non-empty"]),
    ("qualifiedName", "A/-", [f"prefix part {SUBDOMAIN}", f"name part {NAME}"]),
    ("qualifiedName", "", ["name part must be non-empty", f"name part {NAME}"]),
    ("qualifiedName", "a" * 64, ["name part must be no more than 63 bytes"]),
    ("qualifiedName", "a/b/c", [LABEL_KEY]),
    ("dns1123LabelPrefix", "ab-", []),
    ("dns1123LabelPrefix", "--", []),
    ("dns1123LabelPrefix", "-", [LABEL]),
    ("dns1123LabelPrefix", "é-", [LABEL]),
    ("dns1123SubdomainPrefix", "a.b-", []),
    ("dns1035LabelPrefix", "1-", []),
    ("labelValue", "", []),
    ("labelValue", "-", [LABEL_VALUE]),
    ("labelValue", "a" * 64, ["must be no more than 63 bytes"]),
    ("uri", "https://a/", []),
    ("uri", "foo", ['parse "foo": invalid URI for request']),
    ("uuid", "12345678-1234-1234-1234-123456789ABC", []),
    ("uuid", "123456781234123412341234567890ab", []),
    ("uuid", "x", ["does not match the UUID format"]),
    ("byte", "YQ==", []),
    ("byte", "", ["invalid base64"]),
    ("date", "2024-02-29", []),
    ("date", "0000-02-29", []),
    ("date", "1900-02-29", ["invalid date"]),
    ("date", "2024-13-01", ["invalid date"]),
    ("date", "2024-1-1", ["invalid date"]),
    ("datetime", "2020-01-01T10:00:00Z", []),
    ("datetime", "2020-01-01t10:00:00.5+01:00", []),
    ("datetime", "2020-01-01T10:00:00ZTfoo", []),
    ("datetime", "2020-01-01T24:00:00Z", ["invalid datetime"]),
    ("datetime", "2020-01-01", ["invalid datetime"]),
    ("datetime", "2020-02-30T10:00:00Z", ["invalid datetime"]),
]


@pytest.mark.parametrize(
    ("name", "text", "problems"), CHECKED, ids=[f"{row[0]} {row[1][:20]}" for row in CHECKED]
)
def test_named_format_is_checked(name: str, text: str, problems: list[str]) -> None:
    assert FORMATS[name].check(text) == problems
