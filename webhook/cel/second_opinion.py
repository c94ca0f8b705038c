"""A second opinion on an expression: what cel-python, an independent implementation, makes of it.

For the command line only: it is slow, knows none of Kubernetes' libraries and no optional syntax.
Where it cannot tell, that is said; error texts are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from celpy import Environment, celtypes
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from webhook.cel.errors import EvaluationError
from webhook.cel.runtime.equality import equal
from webhook.cel.runtime.texts import show
from webhook.cel.values import Duration, Timestamp, TypeValue, Uint, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# What cel-python itself raises besides its own errors, where an expression is beyond it.
_STUMBLES: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What cel-python says: `agrees` is None where it cannot tell, and `text` says why."""

    agrees: bool | None
    text: str


class _CannotTellError(Exception):
    """A value has no counterpart on the other side."""


def second_opinion(expression: str, bindings: Mapping[str, Any], outcome: Any) -> Opinion:
    """Evaluate with cel-python and compare with our outcome: a value, or the EvaluationError.

    Bindings that cel-python cannot hold (an authorizer, quantities) are left out.
    """
    try:
        theirs = _evaluate(expression, bindings)
    except CELParseError:
        return Opinion(None, "cannot parse it")
    except CELEvalError as error:
        return _judge_error(str(error.args[0]) if error.args else "an error", outcome)
    except _STUMBLES as error:
        return Opinion(None, f"stumbles: {type(error).__name__}: {error}")
    except _CannotTellError as error:
        return Opinion(None, f"gives a value that cannot be compared: {error}")
    return _judge_value(theirs, outcome)


def _evaluate(expression: str, bindings: Mapping[str, Any]) -> Any:
    environment = Environment()
    program = environment.program(environment.compile(expression))
    return _from_celpy(program.evaluate(_convertible(bindings)))


def _convertible(bindings: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in bindings.items():
        try:
            found[name] = _to_celpy(value)
        except _CannotTellError:
            continue
    return found


def _judge_error(message: str, outcome: Any) -> Opinion:
    if message.startswith("undeclared reference"):
        return Opinion(None, f"does not know a name: {message}")
    if isinstance(outcome, EvaluationError):
        return Opinion(True, f"an error, too: {message}")
    return Opinion(False, f"an error: {message}")


def _judge_value(theirs: Any, outcome: Any) -> Opinion:
    if isinstance(outcome, EvaluationError):
        return Opinion(False, f"no error, but {show(theirs)}")
    same = type_name(theirs) == type_name(outcome) and equal(theirs, outcome)
    return Opinion(same, show(theirs) if same else f"{show(theirs)} ({type_name(theirs)})")


def _to_celpy(value: Any) -> Any:
    """Turn a plain value into cel-python's."""
    if value is None:
        return None
    if isinstance(value, list):
        return celtypes.ListType([_to_celpy(element) for element in value])
    if isinstance(value, dict):
        pairs = {_to_celpy(key): _to_celpy(item) for key, item in value.items()}
        return celtypes.MapType(pairs)
    for kind, convert in _CONVERSIONS:
        if isinstance(value, kind):
            return convert(value)
    raise _CannotTellError(type_name(value))


# A bool is an int in Python, so it comes first.
_CONVERSIONS: Final[tuple[tuple[type, Any], ...]] = (
    (bool, celtypes.BoolType),
    (int, celtypes.IntType),
    (float, celtypes.DoubleType),
    (str, celtypes.StringType),
    (bytes, celtypes.BytesType),
    (Uint, lambda value: celtypes.UintType(value.value)),
)


def _from_celpy(value: Any) -> Any:
    """Turn cel-python's value into a plain one."""
    if value is None:
        return None
    if isinstance(value, list):
        return [_from_celpy(element) for element in value]
    if isinstance(value, dict):
        return {_from_celpy(key): _from_celpy(item) for key, item in value.items()}
    if isinstance(value, type):
        return TypeValue(_type_value(value))
    for kind, convert in _RETURNS:
        if isinstance(value, kind):
            return convert(value)
    raise _CannotTellError(type(value).__name__)


def _type_value(kind: type) -> str:
    if kind not in _TYPE_NAMES:
        raise _CannotTellError(kind.__name__)
    return _TYPE_NAMES[kind]


def _nanoseconds(span: timedelta) -> int:
    return (span.days * 86_400 + span.seconds) * 10**9 + span.microseconds * 1000


def _timestamp(moment: datetime) -> Timestamp:
    plain = datetime.combine(moment.date(), moment.timetz())  # a subclass with its own minus
    offset = plain.utcoffset() or timedelta()
    return Timestamp(_nanoseconds(plain - _EPOCH), int(offset.total_seconds()))


# Its arithmetic may return Python's own types. Its uint is an int, and so is a bool.
_RETURNS: Final[tuple[tuple[type, Any], ...]] = (
    (celtypes.BoolType, bool),
    (bool, bool),
    (celtypes.UintType, lambda value: Uint(int(value))),
    (int, int),
    (float, float),
    (str, str),
    (bytes, bytes),
    (celtypes.DurationType, lambda value: Duration(_nanoseconds(value))),
    (celtypes.TimestampType, _timestamp),
)

_TYPE_NAMES: Final[dict[type, str]] = {
    celtypes.BoolType: "bool",
    celtypes.BytesType: "bytes",
    celtypes.DoubleType: "double",
    celtypes.DurationType: "google.protobuf.Duration",
    celtypes.IntType: "int",
    celtypes.ListType: "list",
    celtypes.MapType: "map",
    celtypes.StringType: "string",
    celtypes.TimestampType: "google.protobuf.Timestamp",
    celtypes.UintType: "uint",
    type(None): "null_type",
}
