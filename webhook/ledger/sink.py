"""Take decisions from the serving path into the ledger without making it wait.

`put_nowait` only numbers an entry and queues it; `run` is the task that builds records and writes
them in batches. What does not fit is dropped and counted, and its number is missing in the chain.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from webhook.ledger.records import Entry, Record, outcome_of, record_of
from webhook.ledger.store import Ledger, LedgerError
from webhook.model import AdmissionRequest, Decision, Registration

LOG = logging.getLogger(__name__)
QUEUE_SIZE = 10_000
BATCH_SIZE = 500
KEEP_SECONDS = 3.0
"""So long a request waits for its record where the ledger must not lose any."""

RETRY_SECONDS = (0.1, 0.5, 2.0, 5.0)


class LedgerSink:
    """A bounded queue in front of a Ledger.

    `dropped` counts entries that found the queue full; `known_by` says how callers are known;
    `clock` gives seconds since the epoch.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], float],
        known_by: str = "not at all",
        size: int = QUEUE_SIZE,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known_by = known_by
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(size)
        self._sequence = 0
        self.dropped = 0

    def put_nowait(
        self,
        request: AdmissionRequest,
        registration: Registration,
        decision: Decision,
        latency: float,
    ) -> None:
        """Queue a decision that is worth a record; never wait, never raise."""
        if outcome_of(request, decision) is None:
            return
        self._sequence += 1
        try:
            self._queue.put_nowait(Entry(self._sequence, request, registration, decision, latency))
        except asyncio.QueueFull:
            self.dropped += 1

    async def keep(
        self,
        request: AdmissionRequest,
        registration: Registration,
        decision: Decision,
        latency: float,
    ) -> None:
        """Return once a decision that is worth a record is stored.

        Raise TimeoutError when that takes longer than KEEP_SECONDS, QueueFull when too many wait.
        """
        if outcome_of(request, decision) is None:
            return
        stored = asyncio.Event()
        self._sequence += 1
        try:
            self._queue.put_nowait(
                Entry(self._sequence, request, registration, decision, latency, stored.set)
            )
        except asyncio.QueueFull:
            self.dropped += 1
            raise
        async with asyncio.timeout(KEEP_SECONDS):
            await stored.wait()

    async def flush(self) -> None:
        """Wait until all that was put is stored."""
        await self._queue.join()

    async def run(self) -> None:
        """Write batches until cancelled; a failing database is tried again, nothing is skipped."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH_SIZE and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._write([record_of(one, self._known_by) for one in batch])
            for one in batch:
                if one.stored is not None:
                    one.stored()
                self._queue.task_done()

    async def _write(self, records: list[Record]) -> None:
        attempt = 0
        while True:
            try:
                await self._ledger.append(records)
            except LedgerError as error:
                pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                LOG.warning(
                    "the ledger cannot be written, trying again",
                    extra={"error": str(error), "records": len(records), "seconds": pause},
                )
                await asyncio.sleep(pause)
                attempt += 1
            else:
                return

    async def close(self) -> None:
        """Write what is queued, then the stop record."""
        await self.flush()
        self._sequence += 1
        await self._ledger.close(Record(self._sequence, self._clock(), "stop"))


class FailuresOnly:
    """A sink for requests that failed, where all others are kept before they are answered."""

    def __init__(self, sink: LedgerSink) -> None:
        self._sink = sink

    def put_nowait(
        self,
        request: AdmissionRequest,
        registration: Registration,
        decision: Decision,
        latency: float,
    ) -> None:
        """Queue what could not be judged."""
        if decision.failed:
            self._sink.put_nowait(request, registration, decision, latency)
