"""Quantities: parsing, exact arithmetic, the fast integer form, canonical text."""

from __future__ import annotations

import math

import pytest

from webhook.objects.quantity import (
    Quantity,
    QuantityError,
    add,
    as_approximate_float,
    as_integer,
    compare,
    parse_quantity,
    quantity_from_int,
    sign,
    subtract,
)

FORMAT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
SUFFIX = "unable to parse quantity's suffix"
NUMERIC = "unable to parse numeric part of quantity"
TOO_LARGE = "quantity is too large"

# text: (canonical text, value as an integer where there is one)
PARSED = {
    "0": ("0", 0),
    "k": ("0", 0),
    "-": ("0", 0),
    ".": ("0", 0),
    "+5": ("+5", 5),
    "-5": ("-5", -5),
    "1.5k": ("1500", 1500),
    "1.5G": ("1500M", 1_500_000_000),
    "1.000": ("1", None),
    "1.50": ("1500m", None),
    "1500m": ("1500m", None),
    ".5": ("500m", None),
    "1e3": ("1e3", 1000),
    "12.5e6": ("12500e3", 12_500_000),
    "1E": ("1E", 10**18),
    "1E-2": ("10e-3", None),
    "9e18": ("9e18", 9 * 10**18),
    "10e18": ("10e18", None),
    "1000E": ("1", None),
    "1000000": ("1M", 1_000_000),
    "999999999999999999": ("999999999999999999", 999999999999999999),
    "1000000000000000000": ("1E", None),
    "00001000000000000000000": ("1E", None),
    "1Ki": ("1Ki", 1024),
    "1024Ki": ("1Mi", 1024**2),
    "1000Ki": ("1000Ki", 1024000),
    "1.Ki": ("1.Ki", 1024),
    "1Gi": ("1Gi", 1024**3),
    "1.5Gi": ("1536Mi", None),
    ".5Ki": ("512", None),
    "1Pi": ("1Pi", None),
    "9000000000Gi": ("9223372036854775807", None),
    "10Ei": ("9223372036854775807", None),
    "-10Ei": ("-9223372036854775807", None),
    "0.1n": ("1n", None),
    "0.0000000001Ki": ("103n", None),
    "1e-400": ("1e-9", None),
    "1e-9999": ("1e-9", None),
    "0e-20": ("0", None),
    "1e4294967297": ("10", 10),
    "1e-4294967295": ("10", 10),
    "0.00000000000000000000": ("0", None),
    "123456789012345678901.5": ("123456789012345678901500m", None),
    "1e30": ("1e30", None),
    "1.3Gi": ("1395864371200m", None),
}


@pytest.mark.parametrize(("text", "expected"), PARSED.items(), ids=PARSED)
def test_text_is_read(text: str, expected: tuple[str, int | None]) -> None:
    quantity = parse_quantity(text)
    assert (str(quantity), as_integer(quantity)) == expected


REFUSED = {
    "": FORMAT,
    "abc": FORMAT,
    "1 ": FORMAT,
    "1\n": FORMAT,
    "1,3G": FORMAT,
    "٣": FORMAT,
    "1e1_0": FORMAT,
    "0" * 30_000 + "!": FORMAT,
    "200K": SUFFIX,
    "1ki": SUFFIX,
    "1e": SUFFIX,
    "5+3": SUFFIX,
    "1e9223372036854775808": SUFFIX,
    "1e99999999999999999999": SUFFIX,
    "e-10": NUMERIC,
    ".e-10": NUMERIC,
    "-e-10": NUMERIC,
    "1" * 5000: TOO_LARGE,
    "1000000000000000000000e2147483647": TOO_LARGE,
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=[k[:30] for k in REFUSED])
def test_other_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text)
    assert str(caught.value) == message


COMPARED = [
    ("200M", "0.2G", 0),
    ("50M", "50Mi", -1),
    ("1Gi", "1G", 1),
    ("-1", "1", -1),
    ("0", "-0", 0),
    ("-2", "-1", -1),
    ("1e2000000000", "1", 1),
    ("-1e2000000000", "-1", -1),
    ("1e2000000000", "1e2000000001", -1),
    ("1" + "0" * 150, "1e150", 0),
    ("12" + "0" * 150, "1e151", 1),
]


@pytest.mark.parametrize(("left", "right", "order"), COMPARED)
def test_order_is_by_value(left: str, right: str, order: int) -> None:
    one, other = parse_quantity(left), parse_quantity(right)
    assert compare(one, other) == order
    assert (one == other) is (order == 0)
    assert order != 0 or hash(one) == hash(other)


def test_quantities_equal_nothing_else() -> None:
    assert parse_quantity("1") != 1
    assert Quantity(0, 5) == Quantity(0)
    assert len({Quantity(10), Quantity(1, 1), Quantity(100, -1)}) == 1


@pytest.mark.parametrize(("text", "expected"), [("-5", -1), ("0", 0), ("1n", 1)])
def test_sign_is_known(text: str, expected: int) -> None:
    assert sign(parse_quantity(text)) == expected


LOWEST = -(2**63)
# left, right, sum, difference, whether the sum is still an integer
ADDED = [
    ("50k", "20k", "70k", "30k", True),
    ("1.50", "0.5", "2", "1", False),
    ("100m", "900m", "1", "-800m", False),
    ("1Gi", "500m", "1073741824500m", "1073741823500m", False),
    ("0", "5Ki", "5Ki", "-5Ki", True),
    ("5Ki", "0", "5Ki", "5Ki", True),
    ("1", "0.0000000001", "1000000001n", "999999999n", False),
    ("9e18", "9e18", "18e18", "0", False),
    ("1e30", "1", "1000000000000000000000000000001", "999999999999999999999999999999", False),
    ("1", "1e30", "1000000000000000000000000000001", "-999999999999999999999999999999", False),
]


@pytest.mark.parametrize(("left", "right", "total", "difference", "integer"), ADDED)
def test_arithmetic_is_exact(
    left: str, right: str, total: str, difference: str, integer: bool
) -> None:
    one, other = parse_quantity(left), parse_quantity(right)
    assert str(add(one, other)) == total
    assert compare(subtract(one, other), parse_quantity(difference)) == 0
    assert (as_integer(add(one, other)) is not None) is integer


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ("0", str(LOWEST)),  # upstream's int64 stays negative
        ("1", "-9223372036854775807"),
        ("500m", "9223372036854775808500m"),
    ],
)
def test_smallest_int_is_subtracted_as_upstream_does(left: str, expected: str) -> None:
    assert str(subtract(parse_quantity(left), quantity_from_int(LOWEST))) == expected


def test_sums_out_of_reach_are_refused() -> None:
    with pytest.raises(QuantityError, match=TOO_LARGE):
        add(parse_quantity("1e2000000000"), parse_quantity("1"))


FLOATS = {
    "100m": 0.1,
    "2": 2.0,
    "1.5Gi": 1.610612736e09,
    "1e23": 1e23,
    "1e300": 1e300,
    "1e400": math.inf,
    "-1e400": -math.inf,
    "1e-9": 1e-9,
}


@pytest.mark.parametrize(("text", "expected"), FLOATS.items(), ids=FLOATS)
def test_nearest_double_is_found(text: str, expected: float) -> None:
    assert as_approximate_float(parse_quantity(text)) == expected


def test_doubles_overflow_as_upstream() -> None:
    assert math.isnan(as_approximate_float(parse_quantity("0e400")))
    assert as_approximate_float(Quantity(1, -400)) == 0.0
    assert as_approximate_float(Quantity(10**400, 1)) == math.inf
    assert as_approximate_float(Quantity(-(10**400))) == -math.inf
