"""Something that goes on beside a test, round after round, like a controller or a kubelet."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE_SECONDS = 0.1


@contextlib.contextmanager
def repeated(step: Callable[[], object]) -> Iterator[None]:
    """Call `step` again and again until the end of the block; raise there what it raised."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            step()
            stop.wait(PAUSE_SECONDS)

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(go_on)
        try:
            yield
        finally:
            stop.set()
            going.result()
