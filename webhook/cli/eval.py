"""`propylon eval`: the value of one CEL expression, and of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from webhook.cel import EvaluationError
from webhook.cel.explain import Explanation
from webhook.cel.values import type_name
from webhook.cli.flags import KubernetesVersion, Output, OutputFlag, fail
from webhook.codec import BadReview
from webhook.offline.expressions import (
    ExpressionError,
    Scene,
    compile_expression,
    explain_expression,
    rows,
    text_of,
)
from webhook.offline.manifests import read_object
from webhook.offline.screen import print_line, write_table
from webhook.sources.directory import SourceError


def evaluate(
    expression: Annotated[str, typer.Argument(metavar="EXPR", help="As in a validation.")],
    obj: Annotated[Path | None, typer.Option("--object", help="File of the object.")] = None,
    old_object: Annotated[Path | None, typer.Option(help="File of the stored object.")] = None,
    params: Annotated[Path | None, typer.Option(help="File of the parameter object.")] = None,
    namespace_object: Annotated[
        Path | None, typer.Option(help="File of the Namespace; else one with only its name.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also show what each part evaluated to.")
    ] = False,
    kubernetes_version: KubernetesVersion = "",
    output: OutputFlag = Output.TEXT,
) -> None:
    """Evaluate a CEL expression as a policy would.

    Objects come from files; - is standard input.

    Exit code 0: it has a value; 1: it has none; 2: a file is wrong.
    """
    try:
        files = (obj, old_object, params, namespace_object)
        scene = Scene(*(None if one is None else read_object(one) for one in files))
        program = compile_expression(expression, scene, kubernetes_version)
        found = explain_expression(program, scene)
    except ExpressionError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except (SourceError, BadReview) as error:
        fail("eval", str(error))
    shown = rows(expression, found) if explain else []
    WRITERS[output](found, shown)
    raise typer.Exit(1 if isinstance(found.value, EvaluationError) else 0)


def write_text(found: Explanation, parts: Sequence[tuple[str, str]]) -> None:
    """Print the parts, if they are wanted, and the value; an error goes to standard error."""
    if parts:
        write_table(("VALUE", "PART"), parts)
        print_line()
    failed = isinstance(found.value, EvaluationError)
    typer.echo(f"error: {found.value}" if failed else text_of(found.value), err=failed)


def write_json(found: Explanation, parts: Sequence[tuple[str, str]]) -> None:
    """Print one JSON object; `value` is a text, because CEL has values that JSON has not."""
    if isinstance(found.value, EvaluationError):
        shown: dict[str, object] = {"error": str(found.value)}
    else:
        shown = {"value": text_of(found.value), "type": type_name(found.value)}
    shown["cost"] = found.cost
    if parts:
        shown["parts"] = [{"part": part.strip(), "value": value} for value, part in parts]
    print_line(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())


WRITERS = {Output.TEXT: write_text, Output.JSON: write_json}
