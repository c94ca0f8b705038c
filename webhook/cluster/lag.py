"""How long this replica has been behind the snapshot that the Lease announces.

A replica that is behind keeps serving; only after a minute does it count as unready.
"""

from __future__ import annotations

import time
from collections.abc import Callable

UNREADY_SECONDS = 60.0


class Lag:
    """Measures the lag; asked by readiness and metrics, it has no task of its own.

    `announced` returns the announced digest ("" for none), `has_had` tells whether a snapshot is
    or was in force here. `clock` gives seconds, `time.monotonic` by default.
    """

    def __init__(
        self,
        announced: Callable[[], str],
        has_had: Callable[[str], bool],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._announced = announced
        self._has_had = has_had
        self._clock = clock or time.monotonic
        self._missing = ""
        self._missing_since = 0.0

    def seconds(self) -> float:
        """Return since how many seconds the announced snapshot is missing here; 0 if it is not."""
        digest = self._announced()
        if not digest or self._has_had(digest):
            self._missing = ""
            return 0.0
        if not self._missing:
            self._missing_since = self._clock()
        self._missing = digest
        return self._clock() - self._missing_since

    def is_ready(self) -> bool:
        """Tell whether this replica may still be called current."""
        return self.seconds() < UNREADY_SECONDS
