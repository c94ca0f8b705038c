"""Library quantity: Kubernetes' resource quantities in expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel.costs import units
from webhook.cel.errors import EvaluationError
from webhook.cel.library import Function, Library, Overload
from webhook.cel.types import BOOL, DOUBLE, INT, STRING, OpaqueType
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

if TYPE_CHECKING:
    from collections.abc import Callable

QUANTITY: Final = OpaqueType("kubernetes.Quantity")


def _quantity(text: str) -> Quantity:
    try:
        return parse_quantity(text)
    except QuantityError as error:
        raise EvaluationError(str(error)) from None


def _is_quantity(text: str) -> bool:
    try:
        parse_quantity(text)
    except QuantityError:
        return False
    return True


def _as_integer(quantity: Quantity) -> int:
    number = as_integer(quantity)
    if number is None:
        raise EvaluationError("cannot convert value to integer")
    return number


def _operation(
    compute: Callable[[Quantity, Quantity], Quantity],
) -> Callable[[Quantity, Quantity | int], Quantity]:
    """Return the function for CEL, which takes an int as the second operand, too."""

    def operate(left: Quantity, right: Quantity | int) -> Quantity:
        other = right if isinstance(right, Quantity) else quantity_from_int(right)
        try:
            return compute(left, other)
        except QuantityError as error:
            raise EvaluationError(str(error)) from None

    return operate


def _argument_units(_result: Any, text: Any) -> int:
    return units(text)


def _arithmetic(
    name: str, compute: Callable[[Quantity, Quantity], Quantity], *examples: tuple[str, str]
) -> Function:
    operate = _operation(compute)
    return Function(
        name,
        (
            Overload((QUANTITY, QUANTITY), QUANTITY, operate, member=True),
            Overload((QUANTITY, INT), QUANTITY, operate, member=True),
        ),
        since="1.28",
        examples=examples,
        documentation=f"The quantity, {name} another one or an int; exact.",
    )


def _comparison(
    name: str, holds: Callable[[int], Any], documentation: str, *examples: tuple[str, str]
) -> Function:
    return Function(
        name,
        (
            Overload(
                (QUANTITY, QUANTITY),
                INT if name == "compareTo" else BOOL,
                lambda left, right: holds(compare(left, right)),
                member=True,
            ),
        ),
        since="1.28",
        examples=examples,
        documentation=documentation,
    )


LIBRARY: Final = Library(
    "quantity",
    (
        Function(
            "quantity",
            (Overload((STRING,), QUANTITY, _quantity),),
            since="1.28",
            cost=_argument_units,
            examples=(
                ("quantity('.5') == quantity('500m')", "true"),
                ("quantity('1024Ki')", "kubernetes.Quantity(1Mi)"),
                ("quantity('200K')", "unable to parse quantity's suffix"),
            ),
            documentation="A quantity: a number with a decimal or binary suffix or an exponent.",
        ),
        Function(
            "isQuantity",
            (Overload((STRING,), BOOL, _is_quantity),),
            since="1.28",
            cost=_argument_units,
            examples=(("isQuantity('1.3Gi')", "true"), ("isQuantity('1,3G')", "false")),
            documentation="Whether `quantity` would accept the string.",
        ),
        Function(
            "sign",
            (Overload((QUANTITY,), INT, sign),),
            since="1.28",
            examples=(("sign(quantity('-5'))", "-1"), ("sign(quantity('0'))", "0")),
            documentation="-1, 0 or 1. There is no member form.",
        ),
        _comparison(
            "isGreaterThan",
            lambda order: order == 1,
            "Whether it is greater than another.",
            ("quantity('1Gi').isGreaterThan(quantity('1G'))", "true"),
        ),
        _comparison(
            "isLessThan",
            lambda order: order == -1,
            "Whether it is less than another.",
            ("quantity('50M').isLessThan(quantity('100M'))", "true"),
        ),
        _comparison(
            "compareTo",
            lambda order: order,
            "-1, 0 or 1: less than, equal to, greater than another.",
            ("quantity('200M').compareTo(quantity('0.2G'))", "0"),
        ),
        Function(
            "asApproximateFloat",
            (Overload((QUANTITY,), DOUBLE, as_approximate_float, member=True),),
            since="1.28",
            examples=(("quantity('100m').asApproximateFloat()", "double(0.1)"),),
            documentation="The nearest double, or about so.",
        ),
        Function(
            "asInteger",
            (Overload((QUANTITY,), INT, _as_integer, member=True),),
            since="1.28",
            examples=(
                ("quantity('1.5k').asInteger()", "1500"),
                ("quantity('1500m').asInteger()", "cannot convert value to integer"),
            ),
            documentation="The value as an int, where `isInteger` holds.",
        ),
        Function(
            "isInteger",
            (Overload((QUANTITY,), BOOL, lambda it: as_integer(it) is not None, member=True),),
            since="1.28",
            examples=(
                ("quantity('50k').isInteger()", "true"),
                ("quantity('1.0').isInteger()", "false"),
            ),
            documentation="Whether it is held as an integer: how it was written matters.",
        ),
        _arithmetic("add", add, ("quantity('50k').add(20) == quantity('50020')", "true")),
        _arithmetic(
            "sub", subtract, ("quantity('50k').sub(quantity('20k')) == quantity('30k')", "true")
        ),
    ),
    (QUANTITY,),
)
