"""Splits the text of an expression into tokens, as upstream's grammar CEL.g4 does.

Knows nothing of meaning: numbers and strings stay text here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhook.cel.source import Issue, Source

END = "<EOF>"

_ESCAPE = (
    r"""\\(?:[abfnrtv"'\\?`]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"""
)
_STRING = rf"""
      [rR]\"\"\"(?s:.)*?\"\"\" | [rR]'''(?s:.)*?'''
    | \"\"\"(?:{_ESCAPE}|[^\\])*?\"\"\" | '''(?:{_ESCAPE}|[^\\])*?'''
    | [rR]\"[^\"\n\r]*\" | [rR]'[^'\n\r]*'
    | \"(?:{_ESCAPE}|[^\\\"\n\r])*\" | '(?:{_ESCAPE}|[^\\'\n\r])*'
"""
_TOKEN = re.compile(
    rf"""
      (?P<SKIP>[\t\ \r\n\f]+|//[^\n]*)
    | (?P<BYTES>[bB](?:{_STRING}))
    | (?P<STRING>{_STRING})
    | (?P<NUM_FLOAT>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    | (?P<NUM_UINT>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])
    | (?P<NUM_INT>0x[0-9a-fA-F]+|[0-9]+)
    | (?P<IDENTIFIER>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<ESC_IDENTIFIER>`[A-Za-z0-9_.\-/\ ]+`)
    | (?P<SIGN>==|!=|<=|>=|&&|\|\||[<>\[\]{{}}().,\-!?:+*/%])
    """,
    re.VERBOSE,
)
# How far something like a token goes: an open string up to a bad escape, or half of `==`.
_BROKEN = re.compile(
    rf"""(?:\"(?:{_ESCAPE}|[^\\\"\n\r])*|'(?:{_ESCAPE}|[^\\'\n\r])*)
    (?:\\(?:[xX][0-9a-fA-F]?|u[0-9a-fA-F]{{0,3}}|U[0-9a-fA-F]{{0,7}}|[0-3][0-7]?)?)? | [=&|]""",
    re.VERBOSE,
)
_KEYWORDS = frozenset({"in", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Token:
    """A token: `kind` is the sign or keyword itself, or the name of a class of tokens."""

    kind: str
    text: str
    start: int

    @property
    def stop(self) -> int:
        """Return the offset behind the token."""
        return self.start + len(self.text)


def tokenize(source: Source, issues: list[Issue]) -> list[Token]:
    """Split a text into tokens, the last of kind END; unknown characters become issues."""
    text = source.text
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            message = f"Syntax error: token recognition error at: '{_unknown(text, position)}'"
            issues.append(source.issue(position, message))
            position += len(_unknown(text, position))
            continue
        kind = match.lastgroup or ""
        word = match.group()
        if kind == "SIGN" or word in _KEYWORDS:
            tokens.append(Token(word, word, position))
        elif kind != "SKIP":
            tokens.append(Token(kind, word, position))
        position = match.end()
    tokens.append(Token(END, END, len(text)))
    return tokens


def _unknown(text: str, position: int) -> str:
    """Return the piece of text that begins no token, up to the character that does not fit."""
    match = _BROKEN.match(text, position)
    end = position if match is None else match.end()
    return text[position : end + 1]
