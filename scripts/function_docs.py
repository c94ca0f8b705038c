"""Writes the page of all CEL functions from the library tables: `scripts/function_docs.py > FILE`.

The page in `docs/` is compared with this by a test, and the examples in it are run by another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook.cel.functions import LIBRARIES, MUTATION_LIBRARIES
from webhook.cel.types import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook.cel.library import Function, Library, Overload

HEAD = """# CEL functions

All functions that expressions may use, by library. This page is written by
`scripts/function_docs.py` from the tables in `webhook/cel/functions/`; its examples are run by the
tests. "Since" is the Kubernetes minor that brought a function: stored policies know all of them,
new texts those of `--kubernetes-version`. Values are shown as in the recorded answers of upstream's
engine: `3u` is a uint, `double(4)` a double, and an error is shown by its text.
"""


def signature(function: Function, overload: Overload) -> str:
    """Write one signature: `string.charAt(int) -> string`."""
    kinds = [describe(kind) for kind in overload.arguments]
    receiver = f"{kinds.pop(0)}." if overload.member else ""
    return f"{receiver}{function.name}({', '.join(kinds)}) -> {describe(overload.result)}"


def _section(library: Library) -> Iterator[str]:
    yield f"\n## {library.name.capitalize()}\n"
    for function in library.functions:
        if not function.documentation:
            continue
        shown = function.name.replace("@sortByAssociatedKeys", "sortBy")
        since = "" if function.since == "1.0" else f" (since {function.since})"
        yield f"\n### {shown}{since}\n\n{function.documentation}\n"
        if not function.name.startswith("@"):
            lines = "\n".join(signature(function, it) for it in function.overloads)
            yield f"\n```text\n{lines}\n```\n"
        if function.examples:
            lines = "\n".join(f"{text}  // {value}" for text, value in function.examples)
            yield f"\n```cel\n{lines}\n```\n"


def page() -> str:
    """Return the whole page."""
    libraries = [
        library
        for library in (*LIBRARIES, *MUTATION_LIBRARIES)
        if any(function.documentation for function in library.functions)
    ]
    return HEAD + "".join(part for library in libraries for part in _section(library))


if __name__ == "__main__":
    print(page(), end="")
