"""Kubernetes quantities (`1.5Gi`, `250m`, `1e3`): parsing, exact arithmetic, canonical text.

A port of apimachinery's `resource.Quantity`, because CEL shows its representation: a value is
"an integer" only while it is held in the fast form (an int64 with a power of ten), which depends
on how it was written. Numbers beyond 4,000 digits are refused; upstream computes them for minutes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar, Final

_MAX_INT64: Final = 2**63 - 1
_MIN_INT64: Final = -(2**63)
_NANO: Final = -9

DECIMAL_SI: Final = "DecimalSI"
BINARY_SI: Final = "BinarySI"
DECIMAL_EXPONENT: Final = "DecimalExponent"

_FORMAT_WRONG: Final = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_NUMERIC_WRONG: Final = "unable to parse numeric part of quantity"
_SUFFIX_WRONG: Final = "unable to parse quantity's suffix"
_TOO_LARGE: Final = "quantity is too large"

# A text of ten bytes could otherwise fill the memory; Python reads and writes 4,300 digits at most.
_MAX_DIGITS: Final = 4_000

_DECIMAL: Final = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIXES: Final = {
    **{suffix: (10, exponent, DECIMAL_SI) for suffix, exponent in _DECIMAL.items()},
    **{suffix: (2, exponent, BINARY_SI) for suffix, exponent in _BINARY.items()},
}
_DECIMAL_NAMES: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_NAMES: Final = {exponent: suffix for suffix, exponent in _BINARY.items()}

# All repetitions are possessive: a long text that does not fit costs one pass. The number may be
# empty here, as it may upstream (`k` is zero).
_SHAPE: Final = re.compile(r"([+-]?)0*+([0-9]*+)(?:\.([0-9]*+))?([eEinumkKMGTP]*+[-+]?[0-9]*+)")
_EXPONENT: Final = re.compile(r"[eE]([+-]?)0*+([0-9]{0,19})")


class QuantityError(ValueError):
    """A text is no quantity, or a number is out of reach; `str()` is upstream's text."""


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An exact amount, `unscaled` x 10^`scale`, with the form in which upstream would hold it.

    fast: whether upstream holds it as an int64; only such values can be integers.
    written: the text it was parsed from, where upstream takes that for canonical.
    """

    cel_type_name: ClassVar[str] = "kubernetes.Quantity"

    unscaled: int
    scale: int = 0
    fast: bool = True
    format: str = DECIMAL_SI
    written: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and compare(self, other) == 0

    def __hash__(self) -> int:
        unscaled, times = _without_factors(self.unscaled, 10)
        return hash((unscaled, unscaled and self.scale + times))

    def __str__(self) -> str:
        return self.written or _canonical(self)


def parse_quantity(text: str) -> Quantity:
    """Read a quantity; raise QuantityError with upstream's text if it is none."""
    shape = _SHAPE.fullmatch(text)
    if not text or shape is None:
        raise QuantityError(_FORMAT_WRONG)
    sign_text, whole, fraction, suffix = shape.groups("")
    base, exponent, form = _SUFFIXES.get(suffix) or _interpret(suffix)
    digits = (whole or "0") + fraction
    if len(digits) > _MAX_DIGITS:
        raise QuantityError(_TOO_LARGE)
    value = -int(digits) if sign_text == "-" else int(digits)
    scale = _int32((exponent if base == 10 else 0) - len(fraction))
    if scale >= _NANO and _is_fast(digits, fraction, base, exponent):
        if base == 2:
            written = text if value & 7 else ""
            return Quantity(value << exponent, scale, True, form, written)
        zeros = digits.endswith("000") or digits.startswith("0")
        written = text if text == "0" or not (scale % 3 or zeros) else ""
        return Quantity(value, scale, True, form, written)
    if not (whole or fraction or "0" in text[: shape.start(4)]):
        raise QuantityError(_NUMERIC_WRONG)
    return _slow(value, -len(fraction), exponent, form)


def _interpret(suffix: str) -> tuple[int, int, str]:
    """Return base, exponent and format of a decimal exponent (`e3`)."""
    shape = _EXPONENT.fullmatch(suffix)
    if shape is None or len(suffix) == 1:
        raise QuantityError(_SUFFIX_WRONG)
    exponent = int(shape[1] + (shape[2] or "0"))
    if not _MIN_INT64 <= exponent <= _MAX_INT64:
        raise QuantityError(_SUFFIX_WRONG)
    return 10, _int32(exponent), DECIMAL_EXPONENT


def _int32(number: int) -> int:
    """Wrap a number as Go's conversion to int32 does."""
    return (number + 2**31) % 2**32 - 2**31


def _is_fast(digits: str, fraction: str, base: int, exponent: int) -> bool:
    """Tell whether upstream has digits to spare for an int64, of which it counts 0.3 per bit."""
    if base == 10:
        return len(digits) <= 18
    return not fraction and len(digits) <= 14 - exponent * 3 // 10


def _slow(value: int, scale: int, exponent: int, form: str) -> Quantity:
    """Return value x 10^scale with its suffix as upstream's arbitrary-precision decimal."""
    unscaled = abs(value)
    if form == BINARY_SI:
        unscaled <<= exponent
    else:
        scale += exponent
    if unscaled:
        # Away from zero: who asks for some resources shall get some.
        unscaled, scale = _rounded_up(unscaled, scale, _NANO), _NANO
    if form == BINARY_SI:
        if unscaled > _MAX_INT64 * 10**9:
            unscaled, scale = _MAX_INT64, 0
        elif 0 < unscaled < 10**9:
            form = DECIMAL_SI
    return Quantity(-unscaled if value < 0 else unscaled, scale, False, form)


def quantity_from_int(number: int) -> Quantity:
    """Return the quantity that CEL makes of an int operand."""
    return Quantity(number, 0, True, DECIMAL_EXPONENT)


def compare(left: Quantity, right: Quantity) -> int:
    """Return -1, 0 or 1; exact for any exponents."""
    if left.scale == right.scale:
        return _order(left.unscaled, right.unscaled)
    if sign(left) != sign(right) or not left.unscaled:
        return _order(sign(left), sign(right))
    if abs(left.scale - right.scale) > 100:
        # Far apart: the magnitudes decide, and where they are equal there are many digits anyway.
        magnitudes = [len(str(abs(it.unscaled))) + it.scale for it in (left, right)]
        if magnitudes[0] != magnitudes[1]:
            return sign(left) * _order(*magnitudes)
    scale = min(left.scale, right.scale)
    return _order(
        left.unscaled * 10 ** (left.scale - scale), right.unscaled * 10 ** (right.scale - scale)
    )


def _order(left: int, right: int) -> int:
    return (left > right) - (left < right)


def sign(quantity: Quantity) -> int:
    """Return -1, 0 or 1."""
    return _order(quantity.unscaled, 0)


def add(left: Quantity, right: Quantity) -> Quantity:
    """Return the exact sum; raise QuantityError where it would have thousands of digits."""
    return _combine(left, right, right.unscaled, right.unscaled)


def subtract(left: Quantity, right: Quantity) -> Quantity:
    """Return the exact difference; raise QuantityError as `add` does."""
    exact = -right.unscaled
    # The fast form negates an int64, and the smallest one is its own negation.
    return _combine(left, right, _MIN_INT64 if -exact == _MIN_INT64 else exact, exact)


def _combine(left: Quantity, right: Quantity, fast: int, exact: int) -> Quantity:
    """Return left plus a number at right's scale, given for the fast form and for the slow one."""
    form = left.format if left.unscaled else right.format
    if left.fast and right.fast:
        total = _add_fast(left, fast, right.scale)
        if total is not None:
            return Quantity(*total, True, form)
    scale = min(left.scale, right.scale)
    unscaled = _scaled(left.unscaled, left.scale - scale) + _scaled(exact, right.scale - scale)
    return Quantity(unscaled, scale, False, form)


def _add_fast(left: Quantity, other: int, other_scale: int) -> tuple[int, int] | None:
    """Return value and scale of the sum, None if an int64 cannot hold them."""
    if not other:
        return left.unscaled, left.scale
    if not left.unscaled:
        return other, other_scale
    scale = min(left.scale, other_scale)
    one = _times_power(left.unscaled, left.scale - scale)
    two = _times_power(other, other_scale - scale)
    if one is None or two is None:
        return None
    return (one + two, scale) if _MIN_INT64 <= one + two <= _MAX_INT64 else None


def _times_power(value: int, power: int) -> int | None:
    """Return value x 10^power if an int64 can hold it."""
    if power > 19 and value:
        return None
    result: int = value * 10 ** min(power, 19)
    return result if _MIN_INT64 <= result <= _MAX_INT64 else None


def _scaled(unscaled: int, power: int) -> int:
    """Return unscaled x 10^power, or refuse."""
    if unscaled and power + len(str(abs(unscaled))) > _MAX_DIGITS:
        raise QuantityError(_TOO_LARGE)
    product: int = unscaled * 10**power if unscaled else 0
    return product


def _rounded_up(unscaled: int, scale: int, target: int) -> int:
    """Return a positive number at another scale, rounded away from zero."""
    if scale >= target:
        return _scaled(unscaled, scale - target)
    if target - scale > _MAX_DIGITS + 100:
        return 1
    rounded: int = -(-unscaled // 10 ** (target - scale))
    return rounded


def as_integer(quantity: Quantity) -> int | None:
    """Return the value as an int64; None where upstream's fast form has none."""
    if not quantity.fast or quantity.scale < 0:
        return None
    return _times_power(quantity.unscaled, quantity.scale)


def as_approximate_float(quantity: Quantity) -> float:
    """Return the nearest double by upstream's two roundings; infinite where it overflows."""
    try:
        number = float(quantity.unscaled)
    except OverflowError:
        number = sign(quantity) * math.inf
    return number * _power_of_ten(quantity.scale) if quantity.scale else number


def _power_of_ten(exponent: int) -> float:
    """Return Go's math.Pow10: the product of two table entries, which rounds."""
    if exponent > 308:
        return math.inf
    if exponent < -323:
        return 0.0
    high, low = divmod(abs(exponent), 32)
    if exponent < 0:
        return float(f"1e-{high * 32}") / float(f"1e{low}")
    return float(f"1e{high * 32}") * float(f"1e{low}")


def _without_factors(number: int, factor: int) -> tuple[int, int]:
    """Divide by `factor` while it divides; return the rest and how often."""
    times = 0
    while number and number % factor == 0:
        number //= factor
        times += 1
    return number, times


def _canonical(quantity: Quantity) -> str:
    """Write the value in its format with the largest suffix that loses nothing."""
    if not quantity.unscaled:
        return "0"
    if quantity.format == BINARY_SI:
        whole = _whole(quantity)
        if whole is not None and abs(whole) >= 1024:
            amount, times = _without_factors(whole, 1024)
            return f"{amount}{_BINARY_NAMES.get(times * 10, '')}"
    amount, times = _without_factors(quantity.unscaled, 10)
    exponent = quantity.scale + times
    amount, exponent = amount * 10 ** (exponent % 3), exponent - exponent % 3
    if quantity.format == DECIMAL_EXPONENT:
        return f"{amount}e{exponent}" if exponent else str(amount)
    # Upstream writes no suffix at all where there is none for the exponent (`1000E` is `1`).
    return f"{amount}{_DECIMAL_NAMES.get(exponent, '')}"


def _whole(quantity: Quantity) -> int | None:
    """Return the value as a whole number, None if it has a fraction."""
    if quantity.scale >= 0:
        return _scaled(quantity.unscaled, quantity.scale)
    whole, rest = divmod(quantity.unscaled, 10**-quantity.scale)
    return None if rest else whole
