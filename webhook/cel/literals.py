"""Values of literal tokens: numbers with their ranges, strings with their escapes."""

from __future__ import annotations

from webhook.cel.values import INT_MAX, INT_MIN, UINT_MAX, Uint

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "`": "`",
    "?": "?",
}
_HEX_DIGITS = {"x": 2, "X": 2, "u": 4, "U": 8}


class LiteralError(ValueError):
    """A literal token has no value; the text is upstream's."""


def parse_int(text: str, sign: str) -> int:
    """Return the value of an integer token with its sign (`-` or empty)."""
    value = (
        int(sign + text, 16 if text.startswith("0x") else 10) if len(text) < 400 else INT_MAX + 1
    )
    if not INT_MIN <= value <= INT_MAX:
        raise LiteralError("invalid int literal")
    return value


def parse_uint(text: str) -> Uint:
    """Return the value of an unsigned token."""
    digits = text[:-1]
    value = int(digits, 16 if digits.startswith("0x") else 10) if len(text) < 400 else UINT_MAX + 1
    if value > UINT_MAX:
        raise LiteralError("invalid uint literal")
    return Uint(value)


def parse_double(text: str, sign: str) -> float:
    """Return the value of a floating point token with its sign."""
    value = float(sign + text)
    if value in (float("inf"), float("-inf")):
        raise LiteralError("invalid double literal")
    return value


def unquote(text: str) -> str:
    """Return the value of a string token."""
    body, raw = _body(text)
    if raw or "\\" not in body:
        return body
    parts: list[str] = []
    position = 0
    while position < len(body):
        char, position, _ = _unescape(body, position)
        parts.append(char)
    return "".join(parts)


def unquote_bytes(text: str) -> bytes:
    """Return the value of a bytes token; hex and octal escapes stand for bytes."""
    body, raw = _body(text[1:])
    if raw or "\\" not in body:
        return body.encode()
    parts: list[bytes] = []
    position = 0
    while position < len(body):
        if body[position] == "\\" and body[position + 1] in "uU":
            raise LiteralError("unable to unescape string")
        char, position, is_byte = _unescape(body, position)
        parts.append(bytes([ord(char) & 0xFF]) if is_byte else char.encode())
    return b"".join(parts)


def _body(text: str) -> tuple[str, bool]:
    """Return what stands between the quotes, and whether the string is raw."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    raw = text[0] in "rR"
    if raw:
        text = text[1:]
    quotes = 3 if len(text) >= 6 and text[:3] in ('"""', "'''") else 1
    return text[quotes:-quotes], raw


def _unescape(body: str, position: int) -> tuple[str, int, bool]:
    """Return the character at a position, the next position, and whether it names a byte."""
    if body[position] != "\\":
        return body[position], position + 1, False
    mark = body[position + 1]
    simple = _SIMPLE.get(mark)
    if simple is not None:
        return simple, position + 2, False
    if mark in _HEX_DIGITS:
        end = position + 2 + _HEX_DIGITS[mark]
        code = int(body[position + 2 : end], 16)
    else:
        end = position + 4
        code = int(body[position + 1 : end], 8)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise LiteralError("invalid unicode code point")
    return chr(code), end, mark not in "uU"
