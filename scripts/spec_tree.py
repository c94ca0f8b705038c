"""Writes syntax trees in the notation of cel-go's tests, bare nodes adorned by kind or by type."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from webhook.cel.ast import (
    Call,
    Comprehension,
    Entry,
    Field,
    Ident,
    ListNode,
    Literal,
    MapNode,
    Node,
    Select,
    StructNode,
)
from webhook.cel.checker.results import Checked
from webhook.cel.runtime.texts import format_double
from webhook.cel.types import describe
from webhook.cel.values import Uint

OVERLOAD = "^<overload>"

Adorn = Callable[[Node | Entry | Field], str]

_CONSTANTS = {
    type(None): "Constant_NullValue",
    bool: "Constant_BoolValue",
    int: "Constant_Int64Value",
    Uint: "Constant_Uint64Value",
    float: "Constant_DoubleValue",
    str: "Constant_StringValue",
    bytes: "Constant_BytesValue",
}
_KINDS: dict[type, str] = {
    Ident: "Expr_IdentExpr",
    Select: "Expr_SelectExpr",
    Call: "Expr_CallExpr",
    ListNode: "Expr_ListExpr",
    MapNode: "Expr_StructExpr",
    StructNode: "Expr_StructExpr",
    Comprehension: "Expr_ComprehensionExpr",
    Entry: "Expr_CreateStruct_Entry",
    Field: "Expr_CreateStruct_Entry",
}
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


def write_kinds(root: Node) -> str:
    """Write a tree with the kind of each node."""
    return _write(root, _kind, "")


def write_types(checked: Checked) -> str:
    """Write a tree with the type and reference of each node.

    The internal names of overloads are cel-go's alone; in their place is `OVERLOAD`.
    """

    def adorn(node: Node | Entry | Field) -> str:
        if isinstance(node, Entry | Field) or node.id not in checked.types:
            return ""
        reference = OVERLOAD if node.id in checked.calls else ""
        if node.id in checked.names:
            reference = "^" + checked.names[node.id].removeprefix(".")
        return f"~{describe(checked.types[node.id])}{reference}"

    return _write(checked.tree.root, adorn, "")


def _kind(node: Node | Entry | Field) -> str:
    if isinstance(node, Literal):
        return f"^#*expr.{_CONSTANTS[type(node.value)]}#"
    return f"^#*expr.{_KINDS[type(node)]}#"


def _write(node: Node, adorn: Adorn, margin: str) -> str:
    return _bare(node, adorn, margin) + adorn(node)


def _bare(node: Node, adorn: Adorn, margin: str) -> str:  # noqa: C901 - one case for each kind
    match node:
        case Literal():
            return write_literal(node.value)
        case Ident():
            return node.name
        case Select():
            test = "~test-only~" if node.test_only else ""
            return f"{_write(node.operand, adorn, margin)}.{node.field}{test}"
        case Call():
            target = "" if node.target is None else _write(node.target, adorn, margin) + "."
            arguments = [_write(one, adorn, margin + "  ") for one in node.arguments]
            return f"{target}{node.function}{_block('()', arguments, margin)}"
        case ListNode():
            elements = [_write(one, adorn, margin + "  ") for one in node.elements]
            return _block("[]", elements, margin)
        case Comprehension():
            return _comprehension(node, adorn, margin)
        case MapNode():
            return _block("{}", [_entry(one, adorn, margin + "  ") for one in node.entries], margin)
        case StructNode():
            fields = [_entry(one, adorn, margin + "  ") for one in node.fields]
            return node.name + _block("{}", fields, margin)


def _entry(entry: Entry | Field, adorn: Adorn, margin: str) -> str:
    key = _write(entry.key, adorn, margin) if isinstance(entry, Entry) else entry.name
    mark = "?" if entry.optional else ""
    return f"{mark}{key}:{_write(entry.value, adorn, margin)}{adorn(entry)}"


def _block(brackets: str, items: Sequence[str], margin: str) -> str:
    if not items:
        return brackets
    inner = f",\n{margin}  ".join(items)
    return f"{brackets[0]}\n{margin}  {inner}\n{margin}{brackets[1]}"


def _comprehension(node: Comprehension, adorn: Adorn, margin: str) -> str:
    deeper = margin + "  "
    parts = (
        ("Variable", node.variable),
        ("Target", _write(node.range, adorn, deeper)),
        ("Accumulator", node.accumulator),
        ("Init", _write(node.initial, adorn, deeper)),
        ("LoopCondition", _write(node.condition, adorn, deeper)),
        ("LoopStep", _write(node.step, adorn, deeper)),
        ("Result", _write(node.result, adorn, deeper)),
    )
    lines = f",\n{deeper}".join(f"// {title}\n{deeper}{text}" for title, text in parts)
    return f"__comprehension__(\n{deeper}{lines})"


def write_literal(value: object) -> str:
    """Write a constant."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Uint():
            return f"{value.value}u"
        case float():
            return format_double(value)
        case str():
            return '"' + "".join(map(_char, value)) + '"'
        case bytes():
            text = value.decode("utf-8", "surrogateescape")
            return 'b"' + "".join(map(_byte_char, text)) + '"'
        case _:
            return str(value)


def _char(char: str) -> str:
    code = ord(char)
    if code in _ESCAPES:
        return "\\" + _ESCAPES[code]
    if char == " " or unicodedata.category(char)[0] in "LNSPM":
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _byte_char(char: str) -> str:
    if 0xDC80 <= ord(char) <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    text = _char(char)
    if len(text) == 1 or ord(char) < 0x80:
        return text
    return "".join(f"\\x{byte:02x}" for byte in char.encode())
