"""Text of an expression, positions in it, and issues shown with line and caret.

Offsets count code points, lines from 1, columns from 0 (shown from 1). Written as upstream's
`common/error.go` and `common/errors.go` write them.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

MAX_SNIPPET = 16384  # bytes; longer lines are not shown
MAX_ISSUES = 100  # upstream reports no more


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem in an expression: line from 1, column from 0, a message without position."""

    line: int
    column: int
    message: str


@dataclass(frozen=True)
class Source:
    """The text of one expression."""

    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        """Return the offset of the first character of each line."""
        starts = [0]
        starts.extend(index + 1 for index, char in enumerate(self.text) if char == "\n")
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Return line (from 1) and column (from 0) of an offset."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1]

    def issue(self, offset: int, message: str) -> Issue:
        """Make an issue at an offset."""
        line, column = self.position(offset)
        return Issue(line, column, message)

    def line_text(self, line: int) -> str:
        """Return the text of a line (from 1) without its end."""
        start = self.line_starts[line - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]


def show(source: Source, issue: Issue) -> str:
    """Write an issue with its source line and a caret below the column."""
    head = f"ERROR: <input>:{issue.line}:{issue.column + 1}: {issue.message}"
    if issue.line < 1:  # the expression as a whole
        return head
    snippet = source.line_text(issue.line)
    if len(snippet.encode("utf-8", "surrogatepass")) > MAX_SNIPPET:
        return head
    snippet = snippet.replace("\t", " ")
    # Wide dots stand under characters that are not ASCII, as upstream draws them.
    dots = "".join("\uff0e" if char > "\x7f" else "." for char in snippet[: issue.column])
    under = snippet[issue.column : issue.column + 1]
    return f"{head}\n | {snippet}\n | {dots}{chr(0xFF3E) if under > chr(0x7F) else '^'}"


def show_all(source: Source, issues: list[Issue]) -> str:
    """Write issues in the order of their positions, at most MAX_ISSUES of them."""
    ordered = sorted(issues, key=lambda issue: (issue.line, issue.column))
    lines = [show(source, issue) for issue in ordered[:MAX_ISSUES]]
    if len(ordered) > MAX_ISSUES:
        lines.append(f"{len(ordered) - MAX_ISSUES} more errors were truncated")
    return "\n".join(lines)
