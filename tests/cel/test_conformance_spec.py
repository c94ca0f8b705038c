"""The engine against cel-spec's suite, where that is cached (`make conformance` fetches it)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from conformance_spec import (  # type: ignore[import-not-found]  # noqa: E402 - a script
    CHECKED_MACROS,
    KINDS,
    Score,
    judge_case,
    judge_suite,
)
from spec_suite import (  # type: ignore[import-not-found]  # noqa: E402 - a script
    VERSION,
    Case,
    cache_folder,
    read_suite,
)
from spec_tree import write_kinds  # type: ignore[import-not-found]  # noqa: E402 - a script

from webhook.cel.parser import parse  # noqa: E402
from webhook.cel.source import Source  # noqa: E402


def test_suite_agrees() -> None:
    if not (cache_folder() / f"cel-spec-{VERSION}.json").exists():
        pytest.skip("cel-spec's suite is not cached; scripts/conformance fetches it")
    score = judge_suite(read_suite())
    assert not score.disagreements, "\n".join(map(str, score.disagreements))
    assert not score.unused
    assert [score.agreed[kind] for kind in KINDS] == [2707, 1617, 1415]  # nothing more is skipped


def case(**test: Any) -> Case:
    return Case("conformance/x/y", "1 + 1", TREE, CHECKED, "int", "", test)


TREE = "_+_(\n  1^#*expr.Constant_Int64Value#,\n  1^#*expr.Constant_Int64Value#\n)^#*expr.Expr_CallExpr#"
CHECKED = "_+_(\n  1~int,\n  1~int\n)~int^add_int64"


@pytest.mark.parametrize(
    ("test", "failed"),
    [
        pytest.param({"value": {"int64Value": "2"}}, [], id="the value"),
        pytest.param({"value": {"int64Value": "3"}}, ["value"], id="another value"),
        pytest.param({"value": {"uint64Value": "2"}}, ["value"], id="another type of value"),
        pytest.param({"evalError": {"errors": [{"message": "x"}]}}, ["value"], id="an error"),
        pytest.param(
            {"typedResult": {"deducedType": {"primitive": "UINT64"}}},
            ["value"],
            id="another static type",
        ),
    ],
)
def test_judging_finds_what_disagrees(test: dict[str, Any], failed: list[str]) -> None:
    score = Score()
    judge_case(score, case(**test))
    assert [one.kind for one in score.disagreements] == failed
    assert score.agreed["parse"] == score.agreed["check"] == 1


def test_trees_are_written_as_upstream_does() -> None:
    tree = parse(Source("has(a.b) ? {'k': [b'\\xff', 1u]} : T{f: -1.5}"), CHECKED_MACROS, [])
    assert tree is not None
    assert write_kinds(tree.root) == (
        "_?_:_(\n"
        "  a^#*expr.Expr_IdentExpr#.b~test-only~^#*expr.Expr_SelectExpr#,\n"
        "  {\n"
        '    "k"^#*expr.Constant_StringValue#:[\n'
        '      b"\\xff"^#*expr.Constant_BytesValue#,\n'
        "      1u^#*expr.Constant_Uint64Value#\n"
        "    ]^#*expr.Expr_ListExpr#^#*expr.Expr_CreateStruct_Entry#\n"
        "  }^#*expr.Expr_StructExpr#,\n"
        "  T{\n"
        "    f:-1.5^#*expr.Constant_DoubleValue#^#*expr.Expr_CreateStruct_Entry#\n"
        "  }^#*expr.Expr_StructExpr#\n"
        ")^#*expr.Expr_CallExpr#"
    )
