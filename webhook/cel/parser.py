"""Parser of expressions: operator precedence by binding powers, macros expanded on the way.

One level of nesting costs at most three Python calls, so that the 250 levels of the language fit
into the interpreter's stack. Problems become issues; after a syntax error parsing stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook.cel import literals, operators
from webhook.cel.ast import (
    Call,
    Entry,
    Field,
    Ident,
    ListNode,
    Literal,
    MapNode,
    Select,
    StructNode,
    Tree,
    dotted_name,
)
from webhook.cel.lexer import END
from webhook.cel.nodes import MAX_NODES, MacroError, TooManyNodesError, balanced
from webhook.cel.reader import MAX_DEPTH, STARTS, Reader, Stop
from webhook.cel.source import Issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhook.cel.ast import Node
    from webhook.cel.lexer import Token
    from webhook.cel.macros import Macro
    from webhook.cel.source import Source

    MacroTable = Mapping[tuple[str, int, bool], Macro]

MAX_SIZE = 100_000  # code points

RESERVED = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import"),
        *("in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void"),
        "while",
    )
)
_OPERAND = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, "
    "STRING, BYTES, IDENTIFIER}"
)
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse(
    source: Source, macros: MacroTable, issues: list[Issue], *, optionals: bool = True
) -> Tree | None:
    """Parse an expression; None when there were issues."""
    if len(source.text) > MAX_SIZE:
        size = len(source.text)
        text = f"expression code point size exceeds limit: size: {size}, limit {MAX_SIZE}"
        issues.append(Issue(-1, -1, text))
        return None
    parser = _Parser(source, macros, issues, optionals=optionals)
    try:
        root = parser.whole()
    except Stop:
        return None
    except TooManyNodesError:
        issues.append(Issue(-1, -1, f"expression is too large: more than {MAX_NODES} nodes"))
        return None
    return None if issues else Tree(root, tuple(parser.make.ranges))


class _Parser(Reader):
    """The state of parsing one text."""

    def __init__(
        self, source: Source, macros: MacroTable, issues: list[Issue], *, optionals: bool
    ) -> None:
        super().__init__(source, issues)
        self.macros = macros
        self.optionals = optionals
        self.depth = 0

    # Expressions

    def whole(self) -> Node:
        node = self.expression()
        if self.token.kind != END:
            last = self.tokens[self.index + 1].kind == END
            word = "extraneous" if last else "mismatched"
            self.fail(f"{word} input '{self.token.text}' expecting {END}")
        return node

    def expression(self) -> Node:
        """Parse a ternary or anything that binds closer."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.too_deep()
        node = self.binary(self.operand(), 1)
        if question := self.accept("?"):
            identifier = self.id_of(question)
            yes = self.binary(self.operand(), 1)
            self.expect(":", "':'")
            no = self.expression()
            parts = (node, yes, no)
            node = self.grow(Call(identifier, operators.CONDITIONAL, None, parts), *parts)
        self.depth -= 1
        return node

    def binary(self, left: Node, power: int) -> Node:
        """Continue an operand with operators that bind at least with `power`."""
        while True:
            bound, function = operators.BINARY.get(self.token.kind, (0, ""))
            if bound < max(power, 1):
                return left
            if bound <= 2:
                left = self.logical(left, bound, function)
                continue
            token = self.token
            self.index += 1
            identifier = self.id_of(token)
            right = self.binary(self.operand(), bound + 1)
            left = self.grow(Call(identifier, function, None, (left, right)), left, right)

    def logical(self, left: Node, power: int, function: str) -> Node:
        """Parse a chain of one logical operator into a balanced tree."""
        sign = self.token.kind
        terms, ids = [left], []
        while token := self.accept(sign):
            terms.append(self.binary(self.operand(), power + 1))
            ids.append(self.id_of(token))
        return balanced(function, terms, ids, 0, len(ids) - 1)

    def operand(self) -> Node:
        """Parse a primary with its prefix operators, selections, indices and member calls."""
        token = self.take()
        sign = token.kind
        if sign == "!" or (sign == "-" and not self.at_number()):
            return self.prefixed(token)
        parse_rest = _PRIMARY.get(token.kind)
        if parse_rest is None:
            return self.no_operand(token)
        return self.suffixes(parse_rest(self, token))

    def at_number(self) -> bool:
        """Tell whether the next token is a number that a minus sign may belong to."""
        return self.token.kind in ("NUM_INT", "NUM_FLOAT")

    def prefixed(self, first: Token) -> Node:
        """Parse a row of equal prefix operators; an even number of them does nothing."""
        count = 1
        while self.accept(first.kind):
            count += 1
        token = self.take()
        parse_rest = _PRIMARY.get(token.kind)
        if parse_rest is None or (token.kind == "-" and not self.at_number()):
            return self.no_operand(token)
        operand = self.suffixes(parse_rest(self, token))
        if count % 2 == 0:
            return operand
        function = operators.NOT if first.kind == "!" else operators.NEGATE
        return Call(self.id_of(first), function, None, (operand,))

    def no_operand(self, token: Token) -> Node:
        """Record that a token just taken begins no operand; go on behind it where that helps."""
        following = self.token.kind if token.kind != END else END
        if following not in STARTS:
            self.index -= 1
            self.fail(f"mismatched input '{token.text}' expecting {_OPERAND}")
        message = f"extraneous input '{token.text}' expecting {_OPERAND}"
        self.report(token.start, f"Syntax error: {message}")
        return self.operand()

    def suffixes(self, node: Node) -> Node:
        """Parse selections, indices, member calls and object literals behind an operand."""
        while True:
            token = self.token
            if token.kind == ".":
                self.index += 1
                node = self.selection(node, token)
            elif token.kind == "[":
                self.index += 1
                node = self.indexed(node, token)
            elif token.kind == "{" and (name := dotted_name(node)):
                self.index += 1
                node = self.struct(name, token)
            else:
                return node

    # Operands

    def group(self, _: Token) -> Node:
        node = self.expression()
        self.expect(")", "')'")
        # A group is no longer a name that `{` could follow.
        return node

    def literal(self, token: Token) -> Node:
        """Parse a constant; a minus sign before a number belongs to it."""
        sign = ""
        start = token.start
        if token.kind == "-":
            sign, token = "-", self.take()
        value = None
        try:
            value = _literal_value(token, sign)
        except literals.LiteralError as error:
            self.report(start, str(error))
        return Literal(self.make.new_id(start, token.stop), value)

    def name(self, token: Token) -> Node:
        """Parse a name or a call of a global function."""
        start, prefix = token.start, ""
        if token.kind == ".":
            prefix = "."
            token = self.expect("IDENTIFIER", "IDENTIFIER")
        opening = self.accept("(")
        if opening is None:
            if token.text in RESERVED and self.token.kind != "{":
                self.report(start, f"reserved identifier: {token.text}")
            return Ident(self.id_of(token), prefix + token.text)
        arguments = self.items(")")
        if token.text in RESERVED:
            self.report(start, f"reserved identifier: {token.text}")
        return self.called(opening, prefix + token.text, None, arguments)

    def selection(self, operand: Node, dot: Token) -> Node:
        """Parse what follows a dot: a field, an optional field or a member call."""
        question = self.accept("?")
        field = self.accept("IDENTIFIER") or self.accept("ESC_IDENTIFIER")
        if field is None:
            return self.bad_field()
        text = field.text.strip("`")
        if question is not None:
            if not self.optionals:
                self.report(dot.start, "unsupported syntax '.?'")
            name = Literal(self.id_of(field), text)
            call = Call(self.id_of(dot), operators.OPTIONAL_SELECT, None, (operand, name))
            return self.grow(call, operand)
        if field.kind == "IDENTIFIER" and (opening := self.accept("(")):
            return self.called(opening, text, operand, self.items(")"))
        return self.grow(Select(self.id_of(dot), operand, text), operand)

    def bad_field(self) -> Node:
        """Record the error of a dot without a field, in the grammar tool's words."""
        token = self.token
        if token.kind in _CONSTANTS:
            self.fail(f"mismatched input '{token.text}' expecting IDENTIFIER")
        text = "" if token.kind == END else token.text
        issue = self.source.issue(
            token.start, f"Syntax error: no viable alternative at input '.{text}'"
        )
        self.issues.append(issue)
        if token.kind == "in":
            self.index += 1
            if self.token.kind not in _PRIMARY:
                self.no_operand(self.take())
        raise Stop

    def indexed(self, operand: Node, bracket: Token) -> Node:
        """Parse an index; `[?` makes it optional."""
        identifier = self.id_of(bracket)
        question = self.accept("?")
        index = self.expression()
        self.expect("]", "']'")
        if question is not None and not self.optionals:
            self.report(bracket.start, "unsupported syntax '[?'")
        function = operators.OPTIONAL_INDEX if question is not None else operators.INDEX
        return self.grow(Call(identifier, function, None, (operand, index)), operand, index)

    def items(self, closing: str) -> list[Node]:
        """Parse arguments up to the closing sign."""
        nodes: list[Node] = []
        if self.accept(closing):
            return nodes
        while True:
            nodes.append(self.expression())
            if not self.accept(","):
                self.expect(closing, f"'{closing}'")
                return nodes

    def list_literal(self, bracket: Token) -> Node:
        """Parse a list; a comma may follow the last element."""
        identifier = self.id_of(bracket)
        nodes: list[Node] = []
        optional: set[int] = set()
        while not self.accept("]"):
            if nodes:
                self.separator("]")
                if self.token.kind in ("]", ","):
                    self.expect("]", "']'")
                    break
            elif self.accept(","):
                self.expect("]", "']'")
                break
            if self.optional_mark():
                optional.add(len(nodes))
            nodes.append(self.expression())
        return ListNode(identifier, tuple(nodes), frozenset(optional))

    def optional_mark(self) -> bool:
        question = self.accept("?")
        if question is not None and not self.optionals:
            self.report(question.start, "unsupported syntax '?'")
        return question is not None

    def map_literal(self, brace: Token) -> Node:
        """Parse a map; a comma may follow the last entry."""
        identifier = self.id_of(brace)
        entries: list[Entry] = []
        while not self.accept("}"):
            if entries:
                self.separator("}")
                if self.accept("}"):
                    break
            elif self.accept(","):
                self.expect("}", "'}'")
                break
            optional = self.optional_mark()
            key = self.expression()
            colon = self.id_of(self.expect(":", "':'"))
            entries.append(Entry(colon, key, self.expression(), optional))
        return MapNode(identifier, tuple(entries))

    def struct(self, name: str, brace: Token) -> Node:
        """Parse the fields of an object literal."""
        identifier = self.id_of(brace)
        fields: list[Field] = []
        while not self.accept("}"):
            if fields:
                self.separator("}")
                if self.accept("}"):
                    break
            optional = self.optional_mark()
            field = self.accept("IDENTIFIER") or self.accept("ESC_IDENTIFIER")
            if field is None:
                expected = "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}"
                self.fail(f"mismatched input '{self.token.text}' expecting {expected}")
            colon = self.id_of(self.expect(":", "':'"))
            fields.append(Field(colon, field.text.strip("`"), self.expression(), optional))
        return StructNode(identifier, name, tuple(fields))

    # Calls

    def called(
        self, opening: Token, function: str, target: Node | None, arguments: list[Node]
    ) -> Node:
        """Make a call, or what its macro expands to."""
        macro = self.macros.get((function, len(arguments), target is not None))
        if macro is not None:
            return self.expanded(macro, opening, target, arguments)
        call = Call(self.id_of(opening), function, target, tuple(arguments))
        return call if target is None else self.grow(call, target)

    def expanded(
        self, macro: Macro, opening: Token, target: Node | None, arguments: list[Node]
    ) -> Node:
        self.make.macro_range = (opening.start, opening.start)
        try:
            node = macro.expand(self.make, target or arguments[0], arguments)
        except MacroError as error:
            self.report(self.make.ranges[error.node.id][0], str(error))
            return Literal(self.id_of(opening), None)
        parts = [*arguments, *(() if target is None else (target,))]
        self.heights[node.id] = max(self.heights.get(part.id, 0) for part in parts)
        return node


def _literal_value(token: Token, sign: str) -> Any:
    match token.kind:
        case "NUM_INT":
            return literals.parse_int(token.text, sign)
        case "NUM_UINT":
            return literals.parse_uint(token.text)
        case "NUM_FLOAT":
            return literals.parse_double(token.text, sign)
        case "STRING":
            return literals.unquote(token.text)
        case "BYTES":
            return literals.unquote_bytes(token.text)
        case _:
            return _CONSTANTS[token.kind]


_PRIMARY: dict[str, Callable[[_Parser, Token], Node]] = {
    "(": _Parser.group,
    "[": _Parser.list_literal,
    "{": _Parser.map_literal,
    ".": _Parser.name,
    "IDENTIFIER": _Parser.name,
    "-": _Parser.literal,
    "NUM_INT": _Parser.literal,
    "NUM_UINT": _Parser.literal,
    "NUM_FLOAT": _Parser.literal,
    "STRING": _Parser.literal,
    "BYTES": _Parser.literal,
    "true": _Parser.literal,
    "false": _Parser.literal,
    "null": _Parser.literal,
}
