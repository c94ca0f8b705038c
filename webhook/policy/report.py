"""Collects every error of one document, in the words of the API server's validation.

A field of the wrong type is reported once: what follows from leaving it out is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from webhook.cel import CompileError
from webhook.documents import Item
from webhook.model import ConfigError, Json
from webhook.objects.paths import Path


class Report:
    """The errors of one document, in the order in which they were met."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.errors: list[ConfigError] = []
        self._misfits: set[Path] = set()

    @property
    def has_shape(self) -> bool:
        """No field is unknown or has the wrong type."""
        return not self._misfits

    def misfit(self, path: Path, text: str) -> None:
        """Report a field that is unknown or has the wrong type."""
        self._misfits.add(path)
        self._add(path, text)

    def required(self, path: Path, hint: str = "") -> None:
        """Report a field that must be set."""
        self._check(path, f"Required value: {hint}" if hint else "Required value")

    def invalid(self, path: Path, value: Json, why: str) -> None:
        """Report a value that breaks a rule."""
        self._check(path, f"Invalid value: {quoted(value)}: {why}")

    def not_supported(self, path: Path, value: str, allowed: Iterable[str]) -> None:
        """Report a value that is not one of a fixed few."""
        choices = ", ".join(map(quoted, sorted(allowed)))
        self._check(path, f"Unsupported value: {quoted(value)}: supported values: {choices}")

    def duplicate(self, path: Path, value: str) -> None:
        """Report a value that may occur only once."""
        self._check(path, f"Duplicate value: {quoted(value)}")

    def too_many(self, path: Path, found: int, allowed: int) -> None:
        """Report a list that is too long."""
        self._check(path, f"Too many: {found}: must have at most {allowed} items")

    def forbidden(self, path: Path, why: str) -> None:
        """Report a field that must not be set here."""
        self._check(path, f"Forbidden: {why}")

    def does_not_compile(self, path: Path, error: CompileError) -> None:
        """Report each issue of an expression at its own line and column in the document."""
        placed = [issue for issue in error.issues if issue.line > 0]
        if not placed:
            self.errors.append(self.item.error(path, f"{error}{_hint(str(error))}"))
        for issue in placed:
            self.errors.append(
                self.item.error_in(path, issue.message, issue.line, issue.column + 1)
            )

    def _check(self, path: Path, text: str) -> None:
        if not any(path[: len(misfit)] == misfit for misfit in self._misfits):
            self._add(path, text)

    def _add(self, path: Path, text: str) -> None:
        self.errors.append(self.item.error(path, text))


_HINTS = {
    "must evaluate to bool but got dyn": "; types are exact here: compare it, as in `... == true`",
    "must evaluate to string but got dyn": "; types are exact here: wrap it in string(...)",
    "must evaluate to one of [string null_type] but got dyn": (
        "; types are exact here: wrap it in string(...)"
    ),
}


def _hint(text: str) -> str:
    """Say what to do about an error that surprises everybody once."""
    return _HINTS.get(text, "")


def quoted(value: Json) -> str:
    """Write a value as the API server's messages do: strings in double quotes, lists as JSON."""
    return json.dumps(value, ensure_ascii=False)
