"""One CEL expression with the values that a policy would see: its value, and why it is that.

It may name what validations may name, and the types of mutations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from webhook.cel import CompileError, EvaluationError, Program
from webhook.cel.explain import Explanation
from webhook.cel.runtime.texts import show
from webhook.model import (
    AdmissionRequest,
    Facts,
    GroupVersionKind,
    GroupVersionResource,
    Json,
    NeedFacts,
)
from webhook.offline.coverage import is_operand
from webhook.offline.requests import request_about
from webhook.policy.activation import Activation
from webhook.policy.environment import Declarations
from webhook.sources.objects import DirectoryResolver, plain_namespace

SHOWN_VALUE = 32
"""Characters of a value in an explanation; whole objects are longer."""

NOT_REACHED = "not reached"


class ExpressionError(Exception):
    """The expression does not compile; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The values that an expression sees."""

    value: Json = None
    old_value: Json = None
    params: Json = None
    namespace: Json = None


def compile_expression(text: str, scene: Scene, version: str = "") -> Program:
    """Compile an expression of a policy, with parameters if there are any; raise ExpressionError."""
    has_params = scene.params is not None
    declared = Declarations(has_params=has_params, has_variables=False, version=version or None)
    try:
        return declared.for_mutations().compile(text)
    except CompileError as error:
        raise ExpressionError(str(error)) from None


def explain_expression(program: Program, scene: Scene) -> Explanation:
    """Evaluate, and note what the parts evaluate to; an error is the explanation's value.

    Raises BadReview when the objects are no objects that a request can have.
    """
    request = _request(scene)
    resolver = DirectoryResolver()
    facts = Facts()
    while True:
        try:
            return program.explain(_bindings(request, scene, facts))
        except NeedFacts as need:
            facts |= {lookup: resolver.answer(lookup) for lookup in need.lookups}


def _request(scene: Scene) -> AdmissionRequest:
    if scene.value is None and scene.old_value is None:
        nothing = GroupVersionKind("", "", ""), GroupVersionResource("", "", "")
        return AdmissionRequest("", *nothing, "CREATE")
    return request_about(scene.value, scene.old_value)


def _bindings(request: AdmissionRequest, scene: Scene, facts: Facts) -> Mapping[str, Any]:
    activation = Activation(request, facts)
    namespace = scene.namespace
    if namespace is None and request.namespace:
        namespace = plain_namespace(request.namespace)
    if namespace is not None:
        activation.bind_namespace(namespace)
    return {**activation.full, "params": scene.params}


def text_of(value: Any) -> str:
    """Return a value as JSON, or as error texts show it where JSON has no such value."""
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except TypeError:
        return show(value)


def rows(text: str, explanation: Explanation) -> list[tuple[str, str]]:
    """Return value and text of each part of an expression, inner parts further to the right."""
    found: list[tuple[str, str]] = []
    around: list[int] = []
    for part in explanation.parts:
        if not part.values and is_operand(text, part):
            continue
        while around and part.start >= around[-1]:
            around.pop()
        indent = "  " * len(around)
        around.append(part.stop)
        found.append((_values(part.values), indent + " ".join(part.text.split())))
    return found


def _values(values: tuple[Any, ...]) -> str:
    texts = [
        f"error: {one}" if isinstance(one, EvaluationError) else text_of(one) for one in values
    ]
    text = ", ".join(texts) or NOT_REACHED
    return text if len(text) <= SHOWN_VALUE else f"{text[: SHOWN_VALUE - 1]}…"
