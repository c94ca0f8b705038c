"""The cases of a `tests.yaml`: what is asked, what is expected; parsed, every mistake with its line.

Running them is in `running`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError

from webhook.documents import Item
from webhook.documents.values import UnreadableError, read_yaml
from webhook.model import ConfigError, Document, Json
from webhook.offline.manifests import is_storable
from webhook.rules.schema import Model, model_errors


def _named(value: Any) -> Any:
    """Read `user: alice` as a user of that name."""
    return {"username": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    """Read one object as a list of it."""
    if isinstance(value, dict):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _storable(values: tuple[Json, ...]) -> tuple[Json, ...]:
    if not all(map(is_storable, values)):
        raise ValueError("each must be an object with apiVersion, kind and metadata.name")
    return values


def _namespace(value: dict[str, Json]) -> dict[str, Json]:
    """Accept labels, or a whole Namespace."""
    is_whole = value.get("kind") == "Namespace" and is_storable(value)
    if not is_whole and not all(isinstance(one, str) for one in value.values()):
        raise ValueError("must be labels, whose values are texts, or a whole Namespace")
    return value


Objects = Annotated[
    tuple[dict[str, Json], ...], BeforeValidator(_listed), AfterValidator(_storable)
]


class User(Model):
    """Who asks."""

    model_config = ConfigDict(strict=False)  # what a validator made comes with lists, not tuples

    username: str = "propylon:test"
    uid: str = ""
    groups: tuple[str, ...] = ("system:authenticated",)
    extra: dict[str, tuple[str, ...]] = Field(default={})


class Expect(Model):
    """What must come back."""

    allowed: bool
    """Whether the request is admitted."""
    message: str = ""
    """Part of what the denial says."""
    warnings: tuple[str, ...] = ()
    """Parts of the warnings, of all of them, in their order."""
    object: dict[str, Json] | None = None
    """The whole object afterwards; empty maps and lists do not count."""
    contains: dict[str, Json] | None = None
    """Part of the object afterwards; lists in it are whole."""
    env: dict[str, tuple[str, ...]] = Field(default={})
    """Container → names (or NAME=value) of its variables afterwards, in order."""
    mounts: dict[str, tuple[str, ...]] = Field(default={})
    """Container → paths of its mounts afterwards, in order."""
    audit_annotations: dict[str, str] = Field(default={})
    """Key → part of its value."""


class Case(Model):
    """One request and what to expect of it."""

    name: str
    """What the case shows; unique in its file."""
    expect: Expect
    """What must come back."""
    object: dict[str, Json] | None = None
    """The object as it is sent."""
    old_object: dict[str, Json] | None = None
    """The object as it is stored."""
    operation: str = ""
    """CREATE, UPDATE, DELETE or CONNECT; else it follows from the objects."""
    namespace: Annotated[dict[str, Json], AfterValidator(_namespace)] = Field(default={})
    """Labels of the request's Namespace, or the whole Namespace."""
    params: Objects = ()
    """Objects that bindings may name as parameters."""
    cluster: Objects = ()
    """Other objects that exist."""
    user: Annotated[User, BeforeValidator(_named)] = User()
    """Who asks: a name, or a map with username, groups, uid, extra."""
    request: dict[str, Json] = Field(default={})
    """Further fields of AdmissionReview.request, such as subResource."""


class _File(Model):
    cases: tuple[Case, ...]


def parse_cases(
    document: Document,
) -> tuple[tuple[tuple[Case, int], ...], tuple[ConfigError, ...]]:
    """Return the cases of a file with their lines, and what is wrong with the file.

    A file with errors has no cases.
    """
    try:
        parsed = read_yaml(document.text)
    except UnreadableError as error:
        problem = error.problem
        place = problem.line, problem.column
        return (), (ConfigError(document.origin, problem.message, "", "", "", *place),)
    if not parsed:
        return (), (ConfigError(document.origin, "the file is empty; it needs a list `cases`"),)
    whole = parsed[0]
    item = Item(document, "", "", "", whole.value, whole.position)
    problems = tuple(item.error(one.path, one.message) for one in whole.problems)
    if problems:
        return (), problems
    try:
        cases = _File.model_validate_json(item.text).cases
    except ValidationError as error:
        return (), model_errors(item, _File, error)
    repeated = _repeated(item, cases)
    places = whole.position.children["cases"].children
    lines = tuple((one, places[at].line) for at, one in enumerate(cases))
    return (() if repeated else lines), repeated


def _repeated(item: Item, cases: tuple[Case, ...]) -> tuple[ConfigError, ...]:
    names = [one.name for one in cases]
    return tuple(
        item.error(("cases", at, "name"), f"another case is named {name!r}; names are unique")
        for at, name in enumerate(names)
        if name in names[:at]
    )


def find_cases(path: Path) -> tuple[Path, ...]:
    """Return the `tests.yaml` files at or below a path, by name."""
    if path.is_file():
        return (path,)
    found = (one for one in path.rglob("tests.yaml") if one.is_file())
    return tuple(sorted(one for one in found if not _is_hidden(one.relative_to(path))))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
