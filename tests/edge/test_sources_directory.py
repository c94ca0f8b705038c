"""Documents and facts from directories: what is read, when a change counts, what errors say."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders import pod, request
from webhook.documents import parse_document
from webhook.model import NEVER, Access, Document, Get, List, Lookup, Scope, Unavailable, UserInfo
from webhook.snapshot import EMPTY
from webhook.sources import directory
from webhook.sources.directory import (
    SourceError,
    load_directory,
    load_objects,
    readable,
    watch_directory,
)
from webhook.sources.objects import DirectoryResolver, plain_namespace


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        file = root / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def origins(root: Path, documents: tuple[Document, ...]) -> list[str]:
    return [str(Path(one.origin).relative_to(root)) for one in documents]


def test_reads_yaml_files_recursively_and_sorted(tmp_path: Path) -> None:
    write(tmp_path, b="1", a__z="2", a__tests="3", hidden="4")
    (tmp_path / "notes.txt").write_text("5")
    (tmp_path / "hidden.yaml").rename(tmp_path / ".hidden.yaml")
    (tmp_path / "folder.yaml").mkdir()
    documents = load_directory(tmp_path)
    assert origins(tmp_path, documents) == ["a/z.yaml", "b.yaml"]
    assert [one.text for one in documents] == ["2", "1"]


def test_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    """The kubelet keeps the files in a dotted folder and links to them."""
    write(tmp_path / "..2026", a="text")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert origins(tmp_path, load_directory(tmp_path)) == ["a.yaml"]


def test_version_changes_with_the_file(tmp_path: Path) -> None:
    write(tmp_path, a="1")
    before = load_directory(tmp_path)[0].version
    write(tmp_path, a="22")
    assert load_directory(tmp_path)[0].version != before


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none: no such directory; give an existing directory"):
        load_directory(tmp_path / "none")


def test_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a="1")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(SourceError, match=r"a\.yaml: Permission denied"):
        load_directory(tmp_path)


def test_file_that_goes_while_reading_was_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a="1", b="2")
    real = Path.read_bytes

    def vanish(path: Path) -> bytes:
        if path.name == "a.yaml":
            path.unlink()
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", vanish)
    assert origins(tmp_path, load_directory(tmp_path)) == ["b.yaml"]


READABLE = {
    "plain": (b"a: \xc3\xa9", "a: é"),
    "byte order mark": (b"\xef\xbb\xbfa: 1", "a: 1"),
    "not UTF-8": (b"a: \xe9", "a: \0"),
}


@pytest.mark.parametrize(("data", "text"), READABLE.values(), ids=READABLE)
def test_text_of_bytes(data: bytes, text: str) -> None:
    assert readable(data) == text


def test_what_is_not_utf8_is_an_error_at_its_place() -> None:
    items, errors = parse_document(Document("a.yaml", readable(b"kind: Pod\nname: \xe9\n")))
    assert items == ()
    assert len(errors) == 1
    assert "a.yaml" in str(errors[0])


class TestWatching:
    @pytest.fixture
    async def watched(self, tmp_path: Path) -> AsyncIterator[AsyncIterator[Any]]:
        write(tmp_path, a="1")
        changes = watch_directory(tmp_path, 0.001)
        yield changes
        await changes.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def test_yields_now_and_after_each_change(
        self, watched: AsyncIterator[Any], tmp_path: Path
    ) -> None:
        assert [one.text for one in await anext(watched)] == ["1"]
        changes: list[tuple[Callable[[], object], list[str]]] = [
            (lambda: write(tmp_path, a="22"), ["22"]),
            (lambda: write(tmp_path, b="3"), ["22", "3"]),
            ((tmp_path / "a.yaml").unlink, ["3"]),
        ]
        for change, expected in changes:
            coming = asyncio.ensure_future(anext(watched))
            await asyncio.sleep(0)
            change()
            found = await asyncio.wait_for(coming, 5)
            assert [one.text for one in found] == expected

    async def test_only_what_changed_is_read_again(
        self, watched: AsyncIterator[Any], tmp_path: Path
    ) -> None:
        write(tmp_path, b="2", c="3")
        first = await anext(watched)
        write(tmp_path, b="22")
        second = await asyncio.wait_for(anext(watched), 5)
        assert [one.text for one in second] == ["1", "22", "3"]
        assert [one is other for one, other in zip(first, second, strict=True)] == [
            True,
            False,
            True,
        ]

    async def test_change_counts_when_the_files_are_quiet(
        self, watched: AsyncIterator[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file that grows from poll to poll is being written."""
        await anext(watched)
        real, sizes = directory._stamps, iter(range(3))

        def growing(root: Path) -> Any:
            write(tmp_path, a="x" * (10 + next(sizes, 2)))
            os.utime(tmp_path / "a.yaml", ns=(5, 5))
            return real(root)

        monkeypatch.setattr(directory, "_stamps", growing)
        found = await asyncio.wait_for(anext(watched), 5)
        assert [one.text for one in found] == ["x" * 12]

    async def test_directory_that_is_away_changes_nothing(
        self, watched: AsyncIterator[Any], tmp_path: Path
    ) -> None:
        await anext(watched)
        moved = tmp_path.with_name(f"{tmp_path.name}-moved")
        coming = asyncio.ensure_future(anext(watched))
        os.rename(tmp_path, moved)  # noqa: PTH104  # as somebody else would, between two polls
        await asyncio.sleep(0.05)
        assert not coming.done()
        os.rename(moved, tmp_path)  # noqa: PTH104  # same
        write(tmp_path, a="22")
        assert [one.text for one in await asyncio.wait_for(coming, 5)] == ["22"]

    async def test_files_that_cannot_be_read_change_nothing(
        self, watched: AsyncIterator[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await anext(watched)
        real, failures = directory.load_directory, iter(range(2))

        def failing(root: Path, known: Any) -> Any:
            if next(failures, None) is not None:
                raise SourceError("not now")
            return real(root, known)

        monkeypatch.setattr(directory, "load_directory", failing)
        write(tmp_path, a="22")
        assert [one.text for one in await asyncio.wait_for(anext(watched), 5)] == ["22"]


OBJECTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {tier: gold}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: limits, namespace: shop, labels: {app: web}}
data: {max: "3"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: limits, namespace: office}
---
apiVersion: example.com/v1
kind: Tier
metadata: {name: gold}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: budgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Budget}
  versions: [{name: v1}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: broken.example.com}
"""

NAMESPACE_ONLY: dict[str, tuple[Lookup, Any]] = {
    "described namespace": (Get("v1", "Namespace", "", "shop"), "shop"),
    "object": (Get("v1", "ConfigMap", "shop", "limits"), "limits"),
    "nothing there": (Get("v1", "ConfigMap", "shop", "other"), None),
    "unknown kind": (Get("v1", "Ghost", "shop", "x"), None),
    "list of a namespace": (List("v1", "ConfigMap", "office"), ["office"]),
    "list everywhere, in order": (List("v1", "ConfigMap", ""), ["office", "shop"]),
    "list with labels": (List("v1", "ConfigMap", "", "app=web"), ["shop"]),
    "scope by definition": (Scope("example.com/v1", "Budget"), True),
    "scope by objects": (Scope("example.com/v1", "Tier"), False),
    "scope of namespaced objects": (Scope("v1", "ConfigMap"), True),
    "unknown scope": (Scope("example.com/v2", "Budget"), None),
}


def brief(answer: Any) -> Any:
    """Reduce objects to names and lists to namespaces."""
    if isinstance(answer, dict):
        return answer["metadata"]["name"]
    if isinstance(answer, list):
        return [one["metadata"]["namespace"] for one in answer]
    return answer


@pytest.mark.parametrize(("lookup", "expected"), NAMESPACE_ONLY.values(), ids=NAMESPACE_ONLY)
async def test_objects_answer(lookup: Lookup, expected: Any, tmp_path: Path) -> None:
    write(tmp_path, objects=OBJECTS)
    answers = await load_objects(tmp_path).resolve([lookup], NEVER)
    assert brief(answers[lookup]) == expected


UNAVAILABLE: dict[str, tuple[Lookup, str]] = {
    "authorization": (Access(UserInfo("alice"), "get", (("path", "/"),)), "there is no cluster"),
    "bad selector": (List("v1", "ConfigMap", "", "="), "label selector"),
}


@pytest.mark.parametrize(("lookup", "text"), UNAVAILABLE.values(), ids=UNAVAILABLE)
async def test_what_cannot_be_answered_says_why(lookup: Lookup, text: str) -> None:
    answer = (await DirectoryResolver().resolve([lookup], NEVER))[lookup]
    assert isinstance(answer, Unavailable)
    assert text in answer.reason


def test_namespace_that_nobody_describes_is_plain() -> None:
    facts = DirectoryResolver().known_facts(request(pod(namespace="shop")), EMPTY)
    assert facts.namespace("shop") == plain_namespace("shop")
    assert facts.namespace("shop")["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}


def test_nothing_is_known_about_a_request_without_namespace() -> None:
    cluster_scoped = request({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})
    assert DirectoryResolver().known_facts(cluster_scoped, EMPTY).known == {}


def test_broken_objects_are_listed(tmp_path: Path) -> None:
    write(tmp_path, a="kind: [", b=OBJECTS)
    with pytest.raises(SourceError, match=r"(?s)cannot be read.*a\.yaml:"):
        load_objects(tmp_path)
