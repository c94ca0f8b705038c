"""Compiles the expressions of a policy in upstream's order and with upstream's types.

A text that does not compile becomes an Expression that holds the error, as upstream keeps it for
stored policies; each error is reported as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from webhook.cel import CompileError, Environment
from webhook.cel.objects import JSON_PATCH as PATCH_TYPE
from webhook.cel.types import BOOL, NULL, STRING, ListType, ObjectType, Type
from webhook.objects.paths import Path
from webhook.policy.checks import MEMBERS
from webhook.policy.environment import Declarations
from webhook.policy.model import (
    APPLY_CONFIGURATION,
    JSON_PATCH,
    AuditAnnotation,
    Expression,
    MatchCondition,
    Mutation,
    Validation,
    Variable,
)
from webhook.policy.report import Report
from webhook.policy.texts import trimmed
from webhook.steps import Steps

RESULTS: Mapping[str, Type] = {
    APPLY_CONFIGURATION: ObjectType("Object"),
    JSON_PATCH: ListType(PATCH_TYPE),
}
"""The type that the expression of a mutation must have, by patchType."""

Value = Mapping[str, Any]


def compile_text(
    environment: Environment, text: str, expect: tuple[Type, ...], path: Path, report: Report
) -> Steps[Expression]:
    """Compile one text; `expect` are the result types it may have, () for any."""
    yield
    try:
        program = yield from environment.compile_in_steps(text, expect)
    except CompileError as error:
        report.does_not_compile(path, error)
        return Expression(text, None, str(error))
    return Expression(text, program)


def compile_variables(
    spec: Value, declarations: Declarations, report: Report
) -> Steps[tuple[Variable, ...]]:
    """Compile variables in their order: each sees only those before it."""
    variables: list[Variable] = []
    for path, entry in _written(spec, "variables", ("name", "expression")):
        where = (*path, "expression")
        environment = declarations.for_expressions()
        expression = yield from compile_text(environment, entry["expression"], (), where, report)
        program = expression.program
        declarations.add_variable(entry["name"], program.result_type if program else None)
        variables.append(Variable(entry["name"], expression))
    return tuple(variables)


def compile_conditions(
    spec: Value, declarations: Declarations, report: Report
) -> Steps[tuple[MatchCondition, ...]]:
    """Compile matchConditions."""
    environment = declarations.for_conditions()
    conditions: list[MatchCondition] = []
    for path, entry in _written(spec, "matchConditions", ("name", "expression")):
        where = (*path, "expression")
        expression = yield from compile_text(
            environment, entry["expression"], (BOOL,), where, report
        )
        conditions.append(MatchCondition(entry["name"], expression))
    return tuple(conditions)


def compile_validations(
    spec: Value, declarations: Declarations, report: Report
) -> Steps[tuple[Validation, ...]]:
    """Compile validations with their messageExpressions."""
    checks, messages = declarations.for_expressions(), declarations.for_messages()
    validations: list[Validation] = []
    for path, entry in _written(spec, "validations", ("expression",)):
        where = (*path, "expression")
        expression = yield from compile_text(checks, entry["expression"], (BOOL,), where, report)
        message_expression = None
        if trimmed(entry.get("messageExpression") or ""):
            where = (*path, "messageExpression")
            text = entry["messageExpression"]
            message_expression = yield from compile_text(messages, text, (STRING,), where, report)
        message, reason = entry.get("message") or "", entry.get("reason") or ""
        validations.append(Validation(expression, message, message_expression, reason))
    return tuple(validations)


def compile_annotations(
    spec: Value, declarations: Declarations, report: Report
) -> Steps[tuple[AuditAnnotation, ...]]:
    """Compile auditAnnotations."""
    environment = declarations.for_expressions()
    annotations: list[AuditAnnotation] = []
    for path, entry in _written(spec, "auditAnnotations", ("key", "valueExpression")):
        where = (*path, "valueExpression")
        text = entry["valueExpression"]
        expression = yield from compile_text(environment, text, (STRING, NULL), where, report)
        annotations.append(AuditAnnotation(entry["key"], expression))
    return tuple(annotations)


def compile_mutations(
    spec: Value, declarations: Declarations, report: Report
) -> Steps[tuple[Mutation, ...]]:
    """Compile mutations; those without a known patchType and its expression are left out."""
    environment = declarations.for_mutations()
    mutations: list[Mutation] = []
    for index, entry in enumerate(spec.get("mutations") or ()):
        kind = entry.get("patchType") or ""
        member = MEMBERS.get(kind, "")
        text = (entry.get(member) or {}).get("expression") or ""
        if trimmed(text):
            where: Path = ("spec", "mutations", index, member, "expression")
            expression = yield from compile_text(environment, text, (RESULTS[kind],), where, report)
            mutations.append(Mutation(kind, expression))
    return tuple(mutations)


def _written(spec: Value, section: str, keys: tuple[str, ...]) -> Iterator[tuple[Path, Value]]:
    """Yield the entries that have all these texts, with their paths; others are reported."""
    for index, entry in enumerate(spec.get(section) or ()):
        if all(trimmed(entry.get(key) or "") for key in keys):
            yield ("spec", section, index), entry
