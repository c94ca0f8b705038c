"""Semantic versions as blang/semver reads and orders them, with its error texts.

Build metadata is checked and then ignored: neither order nor equality look at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Final

from webhook.cel.functions.go_text import quote

_DIGITS: Final = re.compile(r"[0-9]*")
_IDENTIFIER: Final = re.compile(r"[0-9A-Za-z-]*")
_UINT64_END: Final = 2**64

# A pre-release identifier in a form that orders as tuples do: numbers come before words.
_Identifier = tuple[int, int, str]


class SemverError(ValueError):
    """A text is no version; `str()` is upstream's text."""


@dataclass(frozen=True, slots=True)
class Semver:
    """A version; `key` holds all that order and equality look at."""

    cel_type_name: ClassVar[str] = "kubernetes.Semver"

    major: int = field(compare=False)
    minor: int = field(compare=False)
    patch: int = field(compare=False)
    key: tuple[int, int, int, int, tuple[_Identifier, ...]]
    written: str = field(compare=False)

    def __str__(self) -> str:
        return self.written


def parse_semver(text: str) -> Semver:
    """Read a version of three parts; raise SemverError with upstream's text."""
    if not text:
        raise SemverError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise SemverError("No Major.Minor.Patch elements found")
    major = _number("major", "Major", parts[0])
    minor = _number("minor", "Minor", parts[1])
    rest, plus, build = parts[2].partition("+")
    patch_text, dash, pre_release = rest.partition("-")
    patch = _number("patch", "Patch", patch_text)
    identifiers = tuple(map(_identifier, pre_release.split("."))) if dash else ()
    if plus:
        _check_build(build.split("."))
    # No pre-release at all comes after any.
    key = (major, minor, patch, 0 if identifiers else 1, identifiers)
    return Semver(major, minor, patch, key, text)


def parse_normalized(text: str) -> Semver:
    """Read a version after dropping a `v` and leading zeros, and adding missing parts."""
    parts = [_without_zeros(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3 and ("+" in parts[-1] or "-" in parts[-1]):
        raise SemverError("short version cannot contain PreRelease/Build meta data")
    parts += ["0"] * (3 - len(parts))
    return parse_semver(".".join(parts))


def compare(left: Semver, right: Semver) -> int:
    """Return -1, 0 or 1."""
    return (left.key > right.key) - (left.key < right.key)


def _without_zeros(part: str) -> str:
    if len(part) < 2 and part.isascii():  # upstream counts bytes
        return part
    stripped = part.lstrip("0")
    return stripped if stripped[:1] in set("0123456789") else "0" + stripped


def _number(name: str, title: str, digits: str) -> int:
    """Read one of the three numbers."""
    if not _DIGITS.fullmatch(digits):
        raise SemverError(f"Invalid character(s) found in {name} number {quote(digits)}")
    if len(digits) > 1 and digits[0] == "0":
        raise SemverError(f"{title} number must not contain leading zeroes {quote(digits)}")
    return _uint64(digits)


def _uint64(digits: str) -> int:
    """Read digits as strconv.ParseUint does."""
    if not digits:
        raise SemverError(f"strconv.ParseUint: parsing {quote(digits)}: invalid syntax")
    if len(digits) > 20 or int(digits) >= _UINT64_END:
        raise SemverError(f"strconv.ParseUint: parsing {quote(digits)}: value out of range")
    return int(digits)


def _identifier(text: str) -> _Identifier:
    """Read one pre-release identifier."""
    if not text:
        raise SemverError("Prerelease is empty")
    if not _DIGITS.fullmatch(text):
        if not _IDENTIFIER.fullmatch(text):
            raise SemverError(f"Invalid character(s) found in prerelease {quote(text)}")
        return 1, 0, text
    if len(text) > 1 and text[0] == "0":
        message = "Numeric PreRelease version must not contain leading zeroes"
        raise SemverError(f"{message} {quote(text)}")
    return 0, _uint64(text), ""


def _check_build(identifiers: list[str]) -> None:
    """Raise SemverError if a part of the build metadata is not well formed."""
    for text in identifiers:
        if not text:
            raise SemverError("Build meta data is empty")
        if not _IDENTIFIER.fullmatch(text):
            raise SemverError(f"Invalid character(s) found in build meta data {quote(text)}")
