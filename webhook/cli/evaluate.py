"""`propylon eval`: the value of one CEL expression over objects from files.

Knows the variables of a validation but request and authorizer, which only an API server has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from webhook.cel import Budget, CompileError, Environment, EvaluationError, Program
from webhook.cel.budget import CALL_LIMIT
from webhook.cel.runtime.texts import show
from webhook.cel.types import DYN
from webhook.documents.values import UnreadableError, read_yaml

WIDTH = 60  # characters of a value shown in an explanation

_File = Annotated[Path | None, typer.Option(help="YAML or JSON file bound to this variable.")]


def evaluate(
    expression: Annotated[str, typer.Argument(help="The CEL expression.")],
    object: _File = None,  # noqa: A002 - the name of the flag, and Kubernetes' own word
    old_object: _File = None,
    params: _File = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each part evaluated to.")
    ] = False,
    kubernetes_version: Annotated[
        str | None, typer.Option(help="Know only what this version knows, such as 1.31.")
    ] = None,
) -> None:
    """Evaluate an expression and print its value as JSON.

    The exit code is 1 when it does not compile, and 2 when it has no value.
    """
    variables = {"object": DYN, "oldObject": DYN, "params": DYN}
    environment = Environment(variables, version=kubernetes_version, mutation=True)
    try:
        program = environment.compile(expression)
        files = (object, old_object, params)
        bindings = dict(zip(variables, map(_load, files), strict=True))
    except (CompileError, UnreadableError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if explain:
        _explain(program, bindings)
    try:
        value = program.evaluate(bindings, Budget(CALL_LIMIT))
    except EvaluationError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(_written(value))


def _load(path: Path | None) -> Any:
    if path is None:
        return None
    parsed = read_yaml(path.read_text(encoding="utf-8"))
    problem = next((problem for one in parsed for problem in one.problems), None)
    if problem is not None:
        raise UnreadableError(problem)
    return parsed[0].value if parsed else None


def _explain(program: Program, bindings: dict[str, Any]) -> None:
    """Print the parts from the outermost to the innermost, indented by nesting."""
    explanation = program.explain(bindings)
    around: list[int] = []
    for part in explanation.parts:
        while around and around[-1] <= part.start:
            around.pop()
        values = ", ".join(_short(value) for value in part.values) or "(not evaluated)"
        typer.echo(f"{'  ' * len(around)}{' '.join(part.text.split())}  =>  {values}")
        around.append(part.stop)
    typer.echo(f"cost {explanation.cost}")


def _short(value: Any) -> str:
    text = f"error: {value}" if isinstance(value, EvaluationError) else _written(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def _written(value: Any) -> str:
    """Write a value as JSON; what JSON lacks is written as its text."""
    return json.dumps(value, ensure_ascii=False, default=show)
