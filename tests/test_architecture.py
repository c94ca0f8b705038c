"""The shape of the code: layers, sizes, words of the house that a machine can check."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "webhook").rglob("*.py"))
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "base"}


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _size(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _is_table(node: ast.stmt) -> bool:
    """Tables of data at module level do not count for the size of a module."""
    return isinstance(node, ast.Assign | ast.AnnAssign) and _size(node) > 3


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_module_is_small(path: Path) -> None:
    text = path.read_text()
    tables = sum(_size(node) for node in ast.parse(text).body if _is_table(node))
    assert len(text.splitlines()) - tables <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_functions_fit_a_screen(path: Path) -> None:
    long = {
        node.name: _size(node)
        for node in _functions(ast.parse(path.read_text()))
        if _size(node) > MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_modules_are_named_for_what_they_hold() -> None:
    allowed = {ROOT / "webhook" / "rules" / "base.py"}
    assert [path for path in MODULES if path.stem in FORBIDDEN_NAMES and path not in allowed] == []


def test_only_the_serving_path_catches_everything() -> None:
    """Our own bug becomes HTTP 500 in one place (house-style rule 22)."""
    catching = [_id(path) for path in MODULES if "except Exception" in path.read_text()]
    assert catching == ["webhook/app.py"]


def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
