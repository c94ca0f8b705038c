"""Library urls: the parts of URLs, by Go's net/url."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel.costs import units
from webhook.cel.errors import EvaluationError
from webhook.cel.functions.go_escapes import UrlError
from webhook.cel.functions.go_text import decode_text
from webhook.cel.functions.go_url import (
    Url,
    check_request_uri,
    parse_url,
    query_values,
    split_host,
)
from webhook.cel.library import Function, Library, Overload
from webhook.cel.types import BOOL, STRING, ListType, MapType, OpaqueType, Type

if TYPE_CHECKING:
    from collections.abc import Callable

URL: Final = OpaqueType("kubernetes.URL")

_FAILED: Final = "URL parse error during conversion from string"


def _url(text: str) -> Url:
    try:
        return parse_url(text)
    except UrlError as error:
        raise EvaluationError(f"{_FAILED}: {error}") from None


def _is_url(text: str) -> bool:
    try:
        check_request_uri(text)
    except UrlError:
        return False
    return True


def _argument_units(_result: Any, text: Any) -> int:
    return units(text)


def _accessor(
    name: str,
    implementation: Callable[[Url], Any],
    documentation: str,
    *examples: tuple[str, str],
    result: Type = STRING,
) -> Function:
    return Function(
        name,
        (Overload((URL,), result, implementation, member=True),),
        examples=examples,
        documentation=documentation,
    )


LIBRARY: Final = Library(
    "urls",
    (
        Function(
            "url",
            (Overload((STRING,), URL, _url),),
            cost=_argument_units,
            examples=(
                ("url('https://example.com/a')", "kubernetes.URL(https://example.com/a)"),
                ("url('/a') == url('/a')", "true"),
                (
                    "url('../x')",
                    f'{_FAILED}: parse "../x": invalid URI for request',
                ),
            ),
            documentation="A URL: an absolute URI or an absolute path.",
        ),
        Function(
            "isURL",
            (Overload((STRING,), BOOL, _is_url),),
            examples=(("isURL('https://a/')", "true"), ("isURL('foo')", "false")),
            documentation="Whether `url` would accept the string.",
        ),
        _accessor(
            "getScheme",
            lambda url: decode_text(url.scheme),
            "The scheme in lower case.",
            ("url('HTTP://E.com/').getScheme()", '"http"'),
            ("url('/p').getScheme()", '""'),
        ),
        _accessor(
            "getHost",
            lambda url: decode_text(url.authority.host),
            "The host with its port.",
            ("url('https://example.com:80/').getHost()", '"example.com:80"'),
            ("url('https://[::1]:80/').getHost()", '"[::1]:80"'),
        ),
        _accessor(
            "getHostname",
            lambda url: split_host(url)[0],
            "The host without port and brackets.",
            ("url('https://[::1]:80/').getHostname()", '"::1"'),
        ),
        _accessor(
            "getPort",
            lambda url: split_host(url)[1],
            "The port, empty if there is none.",
            ("url('https://example.com:80/').getPort()", '"80"'),
            ("url('https://example.com/').getPort()", '""'),
        ),
        _accessor(
            "getEscapedPath",
            lambda url: decode_text(bytes(url.path)),
            "The path with its escapes.",
            ("url('https://e.com/with spaces/').getEscapedPath()", '"/with%20spaces/"'),
        ),
        _accessor(
            "getQuery",
            query_values,
            "The parameters of the query; each has a list of values.",
            (
                "url('https://e.com/?k1=a&k2=b&k2=c').getQuery()",
                '{"k1": ["a"], "k2": ["b", "c"]}',
            ),
            result=MapType(STRING, ListType(STRING)),
        ),
    ),
    (URL,),
)
