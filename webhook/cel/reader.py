"""Reads tokens for the parser and records what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from webhook.cel.lexer import END, tokenize
from webhook.cel.nodes import NodeFactory
from webhook.cel.operators import BINARY
from webhook.cel.source import Issue

if TYPE_CHECKING:
    from webhook.cel.ast import Node
    from webhook.cel.lexer import Token
    from webhook.cel.source import Source

MAX_DEPTH = 250
STARTS = frozenset(
    (
        *("[", "{", "(", ".", "-", "!", "true", "false", "null", "IDENTIFIER"),
        *("NUM_FLOAT", "NUM_INT", "NUM_UINT", "STRING", "BYTES"),
    )
)
"""Kinds of tokens that begin an operand."""

_FOLLOW = {")": frozenset({END, "]", "}", ",", ":", "?", *BINARY}), ":": STARTS}


class Stop(Exception):  # noqa: N818 - not an error: the issue is recorded already
    """Parsing cannot go on."""


class Reader:
    """The tokens of one text, the place reached in them, ids and heights of the nodes made."""

    def __init__(self, source: Source, issues: list[Issue]) -> None:
        self.source = source
        self.issues = issues
        self.tokens = tokenize(source, issues)
        self.index = 0
        self.make = NodeFactory()
        self.heights: dict[int, int] = {}

    @property
    def token(self) -> Token:
        """Return the next token."""
        return self.tokens[self.index]

    def take(self) -> Token:
        """Take the next token."""
        token = self.tokens[self.index]
        self.index += 1
        return token

    def accept(self, kind: str) -> Token | None:
        """Take the next token if it is of a kind."""
        token = self.tokens[self.index]
        if token.kind != kind:
            return None
        self.index += 1
        return token

    def expect(self, kind: str, expected: str) -> Token:
        """Take the next token, which must be of a kind."""
        found = self.token
        if found.kind == kind:
            self.index += 1
        elif kind in _FOLLOW and found.kind in _FOLLOW[kind]:
            # The grammar tool goes on as if the token were there.
            self.report(found.start, f"Syntax error: missing {expected} at '{found.text}'")
        else:
            self.fail(f"mismatched input '{found.text}' expecting {expected}")
        return found

    def separator(self, closing: str) -> None:
        """Take the comma before another item."""
        if not self.accept(","):
            self.fail(f"mismatched input '{self.token.text}' expecting {{'{closing}', ','}}")

    def fail(self, message: str) -> NoReturn:
        """Record a syntax error at the next token and stop."""
        self.report(self.token.start, f"Syntax error: {message}")
        raise Stop

    def report(self, offset: int, message: str) -> None:
        """Record an issue; parsing goes on."""
        self.issues.append(self.source.issue(offset, message))

    def id_of(self, token: Token) -> int:
        """Return a fresh node id for a token."""
        return self.make.new_id(token.start, token.stop)

    def grow(self, node: Node, *parts: Node) -> Node:
        """Refuse chains that are too long: each operator and selection counts as a level."""
        height = 1 + max(self.heights.get(part.id, 0) for part in parts)
        if height > MAX_DEPTH:
            self.too_deep()
        self.heights[node.id] = height
        return node

    def too_deep(self) -> NoReturn:
        """Record that the expression is nested too deeply, and stop."""
        text = f"expression recursion limit exceeded: {MAX_DEPTH}"
        self.issues.append(Issue(-1, -1, text))
        raise Stop
