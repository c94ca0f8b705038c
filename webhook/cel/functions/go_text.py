"""Go's way with text: quoting for messages, splitting, UTF-8 with broken bytes.

Only what the function libraries need; numbers as text are elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPES: Final = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
}  # fmt: skip

# Unicode's White_Space, as Go's unicode.IsSpace; str.strip() would also take U+001C..U+001F.
WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_BROKEN: Final = re.compile("[\udc80-\udcff]")


def quote(text: str) -> str:
    """Return the text as Go's `%q` prints it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'  # nearly every text, and much faster
    return '"' + "".join(map(_quoted, text)) + '"'


def _quoted(character: str) -> str:
    escaped = _ESCAPES.get(character)
    if escaped is not None:
        return escaped
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, kept by `decode_bytes`
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote_bytes(data: bytes) -> str:
    """Return bytes as Go's `%q` prints a string of them."""
    return quote(data.decode("utf-8", "surrogateescape"))


def decode_text(data: bytes) -> str:
    """Return bytes as text, U+FFFD for each byte that is no UTF-8 (Go's view of such a string)."""
    return _BROKEN.sub("\ufffd", data.decode("utf-8", "surrogateescape"))
