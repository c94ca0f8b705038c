"""Small rules about texts that Go and Python do not share."""

from __future__ import annotations

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's strings.TrimSpace trims; Python's strip() also takes U+001C to U+001F."""


def trimmed(text: str) -> str:
    """Return the text without white space around it."""
    return text.strip(WHITE_SPACE)


def byte_length(text: str) -> int:
    """Return the length in bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def cut(text: str, limit: int) -> str:
    """Return at most `limit` bytes of the text, without half a character at the end."""
    if byte_length(text) <= limit:
        return text
    return text.encode("utf-8", "surrogatepass")[:limit].decode("utf-8", "ignore")
