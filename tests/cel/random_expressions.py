"""Random typed expressions with objects to evaluate them on, as hypothesis strategies.

Only what every implementation of the language has; what is left to them (the order of maps,
repeated keys) is not written.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

# `<int>` stands for an expression of that kind; `<@int>` for a new variable of that kind, which
# the parts marked with a star may use.
PRODUCTIONS: dict[str, tuple[str, ...]] = {
    "bool": (
        "<int> < <int>",
        "dyn(<int>) >= <double>",
        "dyn(<uint>) > <int>",
        "<string> <= <string>",
        "<bytes> < <bytes>",
        "<bool> < <bool>",
        "<int> == <int>",
        "<dyn> == <dyn>",
        "<dyn> != <dyn>",
        "<ints> == <ints>",
        "<strings> != <strings>",
        "<map> == <map>",
        "!(<bool>)",
        "<bool> && <bool>",
        "<bool> || <bool>",
        "<bool> ? <bool> : <bool>",
        "<int> in <ints>",
        "<string> in <strings>",
        "<string> in <map>",
        "<string>.startsWith(<string>)",
        "<string>.endsWith(<string>)",
        "<string>.contains(<string>)",
        "<string>.matches(<pattern>)",
        "<ints>.all(<@int>, <bool*>)",
        "<ints>.exists(<@int>, <bool*>)",
        "<strings>.exists_one(<@string>, <bool*>)",
        "<map>.all(<@string>, <bool*>)",
        "<map>.exists(<@string>, <bool*>)",
        "has(object.<field>)",
        "has(object.m.<field>)",
        "type(<dyn>) == type(<dyn>)",
        "timestamp(<moment>) < timestamp(<moment>)",
        "duration(<span>) > duration(<span>)",
        "bool(<string>)",
    ),
    "int": (
        "<int> + <int>",
        "<int> - <int>",
        "<int> * <int>",
        "<int> / <int>",
        "<int> % <int>",
        "-(<int>)",
        "<bool> ? <int> : <int>",
        "size(<string>)",
        "<bytes>.size()",
        "<ints>.size()",
        "size(<map>)",
        "<ints>[<int>]",
        "<map>[<string>]",
        "int(<uint>)",
        "int(<double>)",
        "int(<string>)",
        "timestamp(<moment>).getFullYear()",
        "timestamp(<moment>).getDayOfYear()",
        "timestamp(<moment>).getDayOfWeek()",
        "timestamp(<moment>).getHours(<zone>)",
        "timestamp(<moment>).getMilliseconds()",
        "duration(<span>).getSeconds()",
        "duration(<span>).getMinutes()",
        "int(timestamp(<moment>) + duration(<span>))",
        "(timestamp(<moment>) - timestamp(<moment>)).getHours()",
    ),
    "uint": (
        "<uint> + <uint>",
        "<uint> - <uint>",
        "<uint> * <uint>",
        "<uint> / <uint>",
        "<uint> % <uint>",
        "uint(<int>)",
        "uint(<double>)",
        "uint(<string>)",
    ),
    "double": (
        "<double> + <double>",
        "<double> - <double>",
        "<double> * <double>",
        "<double> / <double>",
        "-(<double>)",
        "double(<int>)",
        "double(<uint>)",
        "double(<string>)",
    ),
    "string": (
        "<string> + <string>",
        "<bool> ? <string> : <string>",
        "<strings>[<int>]",
        "string(<int>)",
        "string(<uint>)",
        "string(<bool>)",
        "string(<bytes>)",
        "string(duration(<whole_span>))",
        "string(timestamp(<whole_moment>))",
    ),
    "bytes": ("<bytes> + <bytes>", "bytes(<string>)"),
    "ints": (
        "<ints> + <ints>",
        "[dyn(<int>), dyn(<int>)]",
        "<ints>.map(<@int>, <int*>)",
        "<ints>.filter(<@int>, <bool*>)",
        "<ints>.map(<@int>, <bool*>, <int*>)",
        "<strings>.map(<@string>, <int*>)",
    ),
    "strings": (
        "<strings> + <strings>",
        "[dyn(<string>)]",
        "<ints>.map(<@int>, <string*>)",
        "<strings>.filter(<@string>, <bool*>)",
    ),
    "map": ("{'a': dyn(<int>), 'b': dyn(<int>)}", "<bool> ? <map> : <map>"),
    "dyn": ("dyn(<int>)", "dyn(<uint>)", "dyn(<double>)", "dyn(<string>)", "dyn(<ints>)"),
}

LEAVES: dict[str, tuple[str, ...]] = {
    "bool": ("true", "false", "object.b"),
    "int": (
        *("0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775808"),
        *("object.i", "object.m.k", "object.li[0]", "object.s", "object.missing"),
    ),
    "uint": ("0u", "1u", "18446744073709551615u", "3u"),
    "double": (
        *("0.0", "-0.0", "1.5", "-2.25", "1e308", "9223372036854775807.0", "object.d"),
        *("double('NaN')", "double('Infinity')", "1e-320"),
    ),
    "string": (
        *("''", "'a'", "'äb'", "'😁'", "'12'", "'-1'", "'1.5'", "'true'", "'\\n'"),
        *("object.s", "object.m.s", "object.ls[0]", "object.i"),
    ),
    "bytes": ("b''", "b'a'", "b'\\xff'", "b'\\xc3\\xa4'"),
    # Of operators on elements of `[]`, whose type is open, each engine takes another overload.
    "ints": ("[1, 2, 3]", "[1].filter(e, e > 1)", "object.li", "[0]"),
    "strings": ("['a', 'b']", "object.ls", "['']"),
    "map": ("{'k': 1}", "object.m", "{'a': 1, 'b': -2}"),
    "dyn": ("object", "object.n", "object.d", "object.ls", "dyn(null)", "object.m"),
    "pattern": ("'^a'", "'[a-c]+$'", "'.'", "'(a|b)*c'", "'ä'", "''", "'(a+)+$'", "'\\\\d{2}'"),
    "field": ("a", "b", "i", "k", "m", "missing", "s"),
    "moment": (
        "'2024-02-29T23:59:59Z'",
        "'1969-12-31T23:59:59.5Z'",
        "'0001-01-01T00:00:00Z'",
        "'9999-12-31T23:59:59Z'",
        "'2024-03-31T01:30:00+02:00'",
        "'x'",
    ),
    "whole_moment": ("'2024-02-29T23:59:59Z'", "'1969-12-31T00:00:00Z'"),
    "whole_span": ("'1h30m'", "'-61s'", "'0s'"),
    "zone": ("'UTC'", "'Europe/Berlin'", "'-02:30'", "'+11:00'"),
    "span": ("'1h30m'", "'-1.5s'", "'0s'", "'250ms'", "'86400s'", "'1x'"),
}

_PLACE = re.compile(r"<(@?)(\w+)(\*?)>")
MAX_DEPTH = 4


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Draw an expression of any kind."""
    kind = draw(st.sampled_from(sorted(PRODUCTIONS)))
    return _expression(draw, kind, MAX_DEPTH, {})


def _expression(draw: st.DrawFn, kind: str, depth: int, scope: dict[str, str]) -> str:
    variables = [name for name, its in scope.items() if its == kind]
    leaves = (*LEAVES[kind], *variables * 3)
    is_leaf = kind not in PRODUCTIONS or depth == 0 or draw(st.integers(0, 4)) == 0
    template: str = draw(st.sampled_from(leaves if is_leaf else PRODUCTIONS[kind]))
    if is_leaf:
        return template
    inner = dict(scope)

    def fill(place: re.Match[str]) -> str:
        new, wanted, star = place.groups()
        if new:
            name = f"v{len(inner)}"
            inner[name] = wanted
            return name
        return _expression(draw, wanted, depth - 1, inner if star else scope)

    return f"({_PLACE.sub(fill, template)})"


_INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
# The other engine's binding cuts texts off at a zero character.
_TEXTS = st.text(st.characters(codec="utf-8", min_codepoint=1), max_size=4) | st.sampled_from(
    ("a", "12", "äb")
)

OBJECTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "b": st.booleans(),
        "i": _INTEGERS,
        "s": _TEXTS,
        "n": st.none(),
        "li": st.lists(_INTEGERS, min_size=1, max_size=4),
        "ls": st.lists(_TEXTS, min_size=1, max_size=3),
    },
    optional={
        "d": st.floats(width=64),
        "m": st.dictionaries(st.sampled_from(("a", "b", "k", "s")), _INTEGERS, max_size=3),
    },
)

ANY_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _INTEGERS | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)

_WORDS = (
    *"()[]{}.,:?!+-*/%<>=&|'\"`\\$#@ \n\t\x00",
    *("&&", "||", "==", "!=", "<=", ">=", ".?", "[?", "in", "true", "false", "null", "0x", "1e"),
    *("1", "2u", "1.5", "9" * 30, "'a'", "b'\\xff'", "r'\\'", "'''", '"""', "\\u12", "\ud800", "ä"),
    *("object", "x", ".all(x, ", ".exists(", ".map(x, ", ".filter(x,", "has(", "size(", "dyn("),
    *(".matches('(a+)+$')", ".optMap(v, v)", "optional.of(", ".sum()", ".sort()", ".flatten()"),
    *("quantity(", "url(", "ip(", "cidr(", "semver(", "format.named(", ".format([", ".split("),
    *("timestamp(", "duration(", "string(", "int(", "double(", "type(", ".replace(", ".join("),
    *(".distinct()", "lists.range(", ".transformMap(k, v, ", "Object{", "JSONPatch{", ".sortBy("),
)

_JUMBLES = st.lists(st.sampled_from(_WORDS), max_size=40).map("".join)


@st.composite
def _spoiled(draw: st.DrawFn) -> str:
    """Draw a good expression with something put in or cut out."""
    text: str = draw(expressions())
    word: str = draw(st.sampled_from(_WORDS))
    start = draw(st.integers(0, len(text)))
    stop = draw(st.integers(start, min(len(text), start + 5)))
    return text[:start] + word + text[stop:]


HOSTILE_TEXTS: st.SearchStrategy[str] = _JUMBLES | _spoiled() | st.text(max_size=60)
