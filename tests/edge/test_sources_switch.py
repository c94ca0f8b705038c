"""From ConfigMaps to the snapshot in force, through changes, breakage and restarts."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.edge.documents import BROKEN, documents, policy
from tests.edge.fake_api import Failure, FakeApi, Object, eventually, forbidden, task_running
from webhook.cluster.backoff import Backoff
from webhook.cluster.client import Cluster
from webhook.cluster.lease import Lease, Timing
from webhook.cluster.resources import CONFIG_MAPS
from webhook.model import Document, Platform, Registration
from webhook.registration import registrations
from webhook.snapshot import EMPTY, Snapshot, build
from webhook.sources import pieces
from webhook.sources.accepted import NAME, AcceptedTexts, Restored
from webhook.sources.configmap import ConfigMapSource
from webhook.sources.pieces import (
    DamagedError,
    Stored,
    missing_documents,
    pack,
    restored_documents,
    stored_sources,
    unpack,
)
from webhook.sources.store import Published, SnapshotStore
from webhook.sources.switch import Open, Switch

PLATFORM = Platform()
SYSTEM = PLATFORM.own_namespace


def in_force(snapshot: Snapshot) -> list[str]:
    return [one.name for one in snapshot.policies]


def config_map(name: str, created: str = "2026", **texts: str) -> Object:
    metadata = {
        "name": name,
        "namespace": PLATFORM.policy_namespace,
        "labels": {"propylon.dev/policies": "true"},
        "creationTimestamp": created,
    }
    return {"metadata": metadata, "data": {f"{key}.yaml": text for key, text in texts.items()}}


class TestStore:
    def test_begins_empty_and_not_synced(self) -> None:
        store = SnapshotStore()
        assert store.current() == Published(EMPTY)
        assert not store.synced

    async def test_publication_is_seen_at_once(self) -> None:
        store = SnapshotStore()
        snapshot = build(documents(a=policy("a")))
        waiting = asyncio.ensure_future(store.changed())
        await asyncio.sleep(0)
        store.publish(snapshot, registrations(snapshot))
        assert store.synced
        assert await waiting is store.current()
        assert store.current().snapshot is snapshot
        assert store.has_had(snapshot.digest)
        assert not store.has_had("other")

    def test_digests_are_remembered_for_a_while(self) -> None:
        store = SnapshotStore()
        for _ in range(2):
            store.publish(EMPTY, ())
        assert len(store._digests) == 1


class RecordingGate:
    """Writes down what it is asked, together with what is in force at that moment."""

    def __init__(self, store: SnapshotStore) -> None:
        self.store = store
        self.calls: list[tuple[str, list[str], list[str]]] = []

    async def before_switch(self, coming: Sequence[Registration]) -> None:
        self._note("before", coming)

    async def after_switch(self, entries: Sequence[Registration]) -> None:
        self._note("after", entries)

    def _note(self, what: str, entries: Sequence[Registration]) -> None:
        now = in_force(self.store.current().snapshot)
        self.calls.append((what, [one.path for one in entries], now))


class TestSwitch:
    async def test_order_is_widen_switch_narrow_announce(self) -> None:
        store, announced = SnapshotStore(), list[str]()
        gate = RecordingGate(store)
        switch = Switch(store, PLATFORM, gate, announced.append)
        await switch.offer(documents(a=policy("a")))
        assert gate.calls == [
            ("before", ["policies", "documents", "documents-grants"], []),
            ("after", ["policies", "documents", "documents-grants"], ["a"]),
        ]
        assert announced == [store.current().snapshot.digest]

    async def test_broken_document_keeps_its_last_good_version(self) -> None:
        store = SnapshotStore()
        switch = Switch(store, PLATFORM, Open())
        await switch.offer(documents(a=policy("a"), b=policy("b")))
        before = store.current().snapshot.digest
        await switch.offer(documents(a=policy("a", BROKEN), b=policy("b")))
        after = store.current().snapshot
        assert after.digest == before
        assert [one.origin for one in after.errors] == ["a"]

    async def test_runs_through_all_documents(self) -> None:
        store = SnapshotStore()

        async def texts() -> AsyncIterator[tuple[Document, ...]]:
            yield documents(a=policy("a"))
            yield documents(b=policy("b"))

        await Switch(store, PLATFORM, Open()).run(texts())
        assert in_force(store.current().snapshot) == ["b"]

    async def test_stored_version_is_used_after_a_restart(self) -> None:
        store = SnapshotStore()
        switch = Switch(store, PLATFORM, Open())
        stored = stored_sources(build(documents(a=policy("a"))))
        await switch.restore(Restored(stored))
        await switch.offer(documents(a=policy("a", BROKEN), b=policy("b")))
        assert in_force(store.current().snapshot) == ["a", "b"]
        assert switch.missing == ()

    async def test_not_ready_while_a_document_is_lost(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = SnapshotStore()
        switch = Switch(store, PLATFORM, Open())
        names = ("ValidatingAdmissionPolicy/a", "ValidatingAdmissionPolicyBinding/a")
        await switch.restore(Restored((Stored("a", names, None),)))
        await switch.offer(documents(a=policy("a", BROKEN)))
        assert not store.synced
        assert switch.missing == ("ValidatingAdmissionPolicy/a (a)",)
        assert "broken and lost" in caplog.text
        await switch.offer(documents(a=policy("a")))
        assert store.current().snapshot.errors == ()
        assert not list(switch.missing)

    async def test_damaged_store_makes_every_broken_text_suspicious(self) -> None:
        store = SnapshotStore()
        switch = Switch(store, PLATFORM, Open())
        await switch.restore(Restored(is_damaged=True))
        await switch.offer(documents(a=policy("a", BROKEN), b=policy("b")))
        assert (store.synced, switch.missing) == (False, ("a",))
        await switch.offer(documents(b=policy("b")))
        assert store.synced

    async def test_what_was_never_in_force_is_not_waited_for(self) -> None:
        store = SnapshotStore()
        await Switch(store, PLATFORM, Open()).offer(documents(a=policy("a", BROKEN)))
        assert store.synced


class TestFormerSnapshot:
    async def test_it_is_freed_without_the_garbage_collector(self) -> None:
        store = SnapshotStore()
        switch = Switch(store, PLATFORM, Open())
        await switch.offer(documents(a=policy("a"), b=policy("b")))
        replaced, kept = (weakref.ref(one) for one in functions(store.current().snapshot))
        gc.disable()
        await switch.offer(documents(a=policy("a", "1 < 2"), b=policy("b")))
        await released(switch)
        gc.enable()
        assert (replaced(), kept()) == (None, functions(store.current().snapshot)[1])

    async def test_it_stays_while_somebody_uses_it(self) -> None:
        store = SnapshotStore()
        switch = Switch(store, PLATFORM, Open())
        await switch.offer(documents(a=policy("a")))
        used = store.current().snapshot
        await switch.offer(documents(a=policy("a", "1 < 2")))
        await asyncio.sleep(0.01)
        assert len(switch._releasing) == 1
        bindings = {"object": {"spec": {"replicas": 9}}}
        assert functions(used)[0](bindings, 100, None)[0] is False
        del used
        await released(switch)


def functions(snapshot: Snapshot) -> list[Any]:
    """Return what the first validation of each policy was compiled to."""
    programs = [one.validations[0].expression.program for one in snapshot.policies]
    return [one.compiled for one in programs if one is not None]


async def released(switch: Switch) -> None:
    await asyncio.wait_for(asyncio.gather(*switch._releasing), 5)


class TestConfigMapSource:
    @pytest.fixture
    def source(self, cluster: Cluster) -> ConfigMapSource:
        return ConfigMapSource(cluster, PLATFORM)

    @pytest.fixture
    async def texts(
        self, api: FakeApi, source: ConfigMapSource
    ) -> AsyncIterator[AsyncIterator[tuple[Document, ...]]]:
        async with task_running(source.run()):
            found = source.documents()
            yield found
            await found.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def test_first_list_and_every_change(
        self, api: FakeApi, texts: AsyncIterator[tuple[Document, ...]]
    ) -> None:
        api.put(CONFIG_MAPS, config_map("team", a="1", b="2"))
        found = await anext(texts)
        assert [(one.origin, one.text) for one in found] == [
            ("ConfigMap propylon-policies/team, key a.yaml", "1"),
            ("ConfigMap propylon-policies/team, key b.yaml", "2"),
        ]
        api.put(CONFIG_MAPS, config_map("team", a="3"))
        changed = await asyncio.wait_for(anext(texts), 5)
        assert [one.text for one in changed] == ["3"]
        assert changed[0].version != found[0].version
        api.remove(CONFIG_MAPS, PLATFORM.policy_namespace, "team")
        assert await asyncio.wait_for(anext(texts), 5) == ()

    async def test_older_ones_come_first(
        self, api: FakeApi, texts: AsyncIterator[tuple[Document, ...]]
    ) -> None:
        api.put(CONFIG_MAPS, config_map("a", "2026-02", x="late"))
        api.put(CONFIG_MAPS, config_map("b", "2026-01", x="early"))
        assert [one.text for one in await anext(texts)] == ["early", "late"]

    async def test_changes_during_the_build_are_not_lost(
        self, api: FakeApi, source: ConfigMapSource, texts: AsyncIterator[tuple[Document, ...]]
    ) -> None:
        assert await anext(texts) == ()
        api.put(CONFIG_MAPS, config_map("a", x="1"))
        api.put(CONFIG_MAPS, config_map("b", x="2"))
        await eventually(lambda: len(source.cache.objects) == 2)
        assert [one.text for one in await asyncio.wait_for(anext(texts), 5)] == ["1", "2"]

    async def test_change_that_is_none_yields_nothing(
        self, api: FakeApi, texts: AsyncIterator[tuple[Document, ...]]
    ) -> None:
        await anext(texts)
        coming = asyncio.ensure_future(anext(texts))
        api.put(CONFIG_MAPS, config_map("empty"))
        await asyncio.sleep(0.2)
        assert not coming.done()
        api.put(CONFIG_MAPS, config_map("empty", x="1"))
        assert len(await asyncio.wait_for(coming, 5)) == 1


def stored(count: int, size: int = 10) -> tuple[Stored, ...]:
    return tuple(
        Stored(f"o{number}", (f"K/{number}",), f"{number}-" + "é" * size) for number in range(count)
    )


SETS = {
    "nothing": (),
    "one": stored(1),
    "many": stored(50),
    "larger than a piece": stored(1, 3 * pieces.PIECE_BYTES),
    "several pieces": stored(40, 40_000),
    "lost": (Stored("o", ("K/a",), ""),),
}

ODD = ["plain", "\x7f\x85\x9f", "\u2028\u2029", "\ufeff\ufffe", "😀", "é\t\n\\u0041"]


class TestPieces:
    @pytest.mark.parametrize("kept", SETS.values(), ids=SETS)
    def test_what_is_packed_comes_back(self, kept: tuple[Stored, ...]) -> None:
        packed = pack(kept)
        parts = {key: text for piece in packed.pieces.values() for key, text in piece.items()}
        assert unpack(packed.index, parts) == kept
        for piece in packed.pieces.values():
            assert sum(len(text.encode()) for text in piece.values()) < 1_000_000

    def test_change_of_one_text_keeps_most_pieces(self) -> None:
        before = stored(200, 20_000)
        after = (*before[:-1], Stored("o199", ("K/199",), "another"))
        common = pack(before).pieces.keys() & pack(after).pieces.keys()
        assert len(common) >= len(pack(before).pieces) - 17, "one group of 16 at most"

    def test_lost_text_is_none(self) -> None:
        packed = pack(stored(2, 60_000))
        parts = {key: text for piece in packed.pieces.values() for key, text in piece.items()}
        gone = next(key for key, text in parts.items() if text.startswith("1-"))
        found = unpack(packed.index, {key: text for key, text in parts.items() if key != gone})
        assert [one.text is None for one in found] == [False, True]

    def test_lost_index_is_damage(self) -> None:
        with pytest.raises(DamagedError):
            unpack(pack(stored(1)).index, {})

    def test_only_what_is_in_force_is_stored(self) -> None:
        snapshot = build(documents(a=policy("a"), b=policy("a"), c=policy("c", BROKEN)))
        found = stored_sources(snapshot)
        names = ("ValidatingAdmissionPolicy/a", "ValidatingAdmissionPolicyBinding/a")
        assert [(one.origin, one.names) for one in found] == [
            ("a", names),
            ("c", ("ValidatingAdmissionPolicyBinding/c",)),
        ]

    @pytest.mark.parametrize("text", ODD)
    def test_restored_documents_are_the_same(self, text: str) -> None:
        escaped = "".join(f"\\U{ord(one):08x}" for one in text)
        note = f'"annotations": {{"note": "{escaped}"}}, "name": "a"'
        snapshot = build(documents(a=policy("a").replace('"name": "a"', note)))
        assert snapshot.items[0].value["metadata"]["annotations"] == {"note": text}
        again = build(restored_documents(stored_sources(snapshot)))
        assert again.errors == snapshot.errors == ()
        assert again.digest == snapshot.digest

    def test_missing_are_those_that_were_in_force_and_are_broken(self) -> None:
        names = ("ValidatingAdmissionPolicy/a", "ValidatingAdmissionPolicyBinding/a")
        kept = (Stored("a", names, None), Stored("gone", ("K/x",), None))
        good, bad = build(documents(a=policy("a"))), build(documents(a=policy("a", BROKEN)))
        assert missing_documents(kept, good) == ()
        assert missing_documents(kept, bad) == ("ValidatingAdmissionPolicy/a (a)",)
        assert missing_documents(kept, build(documents(a=""))) == ()


class TestAcceptedTexts:
    @pytest.fixture
    def accepted(self, cluster: Cluster) -> AcceptedTexts:
        return AcceptedTexts(cluster, SYSTEM, Backoff(0.001, 0.01))

    async def test_nothing_was_stored(self, accepted: AcceptedTexts) -> None:
        assert await accepted.load() == Restored()

    async def test_saved_texts_are_loaded(
        self, api: FakeApi, cluster: Cluster, accepted: AcceptedTexts
    ) -> None:
        snapshot = build(documents(a=policy("a"), b=policy("b")))
        await accepted.save(snapshot)
        other = AcceptedTexts(cluster, SYSTEM)
        assert (await other.load()).stored == stored_sources(snapshot)
        writes = api.count("POST") + api.count("PATCH")
        await other.save(snapshot)
        assert api.count("POST") + api.count("PATCH") == writes

    async def test_old_pieces_go_after_the_index(
        self, api: FakeApi, accepted: AcceptedTexts
    ) -> None:
        await accepted.save(build(documents(a=policy("a"))))
        before = api.names(CONFIG_MAPS, SYSTEM)
        order: list[str] = []
        api.before_write = lambda what, _value: order.append(what.split()[0])
        await accepted.save(build(documents(a=policy("b"))))
        assert order == ["POST", "PATCH", "DELETE"]
        after = api.names(CONFIG_MAPS, SYSTEM)
        assert len(before) == len(after) == 2
        assert NAME in set(before) & set(after)

    async def test_piece_that_is_there_is_left(self, api: FakeApi, accepted: AcceptedTexts) -> None:
        snapshot = build(documents(a=policy("a")))
        await accepted.save(snapshot)
        api.remove(CONFIG_MAPS, SYSTEM, NAME)
        await accepted.save(snapshot)
        assert (await accepted.load()).stored == stored_sources(snapshot)

    async def test_lost_pieces_are_damage(self, api: FakeApi, accepted: AcceptedTexts) -> None:
        await accepted.save(build(documents(a=policy("a"))))
        for name in api.names(CONFIG_MAPS, SYSTEM):
            if name != NAME:
                api.remove(CONFIG_MAPS, SYSTEM, name)
        assert await accepted.load() == Restored(is_damaged=True)
        assert "damaged" in accepted.problem

    async def test_pieces_replaced_between_two_reads_are_no_damage(
        self, api: FakeApi, accepted: AcceptedTexts
    ) -> None:
        snapshot = build(documents(a=policy("a")))
        await accepted.save(snapshot)
        good = '{"metadata": {"resourceVersion": "1"}, "items": []}'
        api.fail("labelSelector", Failure(200, good))
        assert (await accepted.load()).stored == stored_sources(snapshot)

    async def test_load_waits_for_the_api_server(
        self, api: FakeApi, accepted: AcceptedTexts
    ) -> None:
        api.fail("configmaps", Failure(503), forbidden("not yet"))
        assert await accepted.load() == Restored()
        assert accepted.problem == ""

    async def test_piece_that_cannot_be_written_is_an_error(
        self, api: FakeApi, cluster: Cluster, accepted: AcceptedTexts
    ) -> None:
        """The holder tries again; a replica without the Lease writes nothing at all."""
        store, lease = SnapshotStore(), Lease(cluster, SYSTEM, "a", timing=Timing(retry=0.01))
        api.fail("POST api/v1", forbidden("cannot create configmaps"))
        async with task_running(accepted.run(store, lease)):
            snapshot = build(documents(a=policy("a")))
            store.publish(snapshot, ())
            await asyncio.sleep(0.05)
            assert api.count("configmaps") == 0
            async with task_running(lease.run()):
                await eventually(lambda: "cannot create" in accepted.problem)
                await eventually(lambda: accepted.problem == "")
                other = build(documents(a=policy("b")))
                store.publish(other, ())
                expected = pack(stored_sources(other)).index
                await eventually(lambda: _index(api) == list(expected))

    async def test_holder_without_a_snapshot_writes_nothing(
        self, api: FakeApi, cluster: Cluster, accepted: AcceptedTexts
    ) -> None:
        store, lease = SnapshotStore(), Lease(cluster, SYSTEM, "a", timing=Timing(retry=0.01))
        async with task_running(accepted.run(store, lease), lease.run()):
            await lease.acquired()
            await asyncio.sleep(0.05)
            assert api.count("configmaps") == 0


def _index(api: FakeApi) -> Any:
    found = api.objects.get((CONFIG_MAPS.plural, SYSTEM, NAME))
    return found and found["data"]["parts"].split()
