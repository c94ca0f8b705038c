"""The health port: `/healthz`, `/readyz`, `/metrics`, from a thread of its own.

So a long evaluation on the serving loop cannot fail the liveness probe. Plain HTTP, no secrets.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STALLED_SECONDS = 60.0
"""A serving loop that did not turn for so long does not come back by itself."""

Check = Callable[[], str]
"""Returns what is missing, or "" when all is well."""

Page = tuple[int, str, bytes]


class Health:
    """What the probes ask; `beat` is called by the serving loop, the rest by the health thread.

    `checks` are the conditions of readiness by name, `metrics` makes the text for Prometheus.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        metrics: Callable[[], bytes],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = dict(checks)
        self._metrics = metrics
        self._now = now
        self._beat = now()
        self._draining = False

    def beat(self) -> None:
        """Note that the serving loop turns."""
        self._beat = self._now()

    def add_checks(self, checks: Mapping[str, Check]) -> None:
        """Let readiness depend on these as well."""
        self._checks = {**self._checks, **checks}

    def drain(self) -> None:
        """Be unready from now on: the process is about to stop."""
        self._draining = True

    def page(self, path: str) -> Page:
        """Return status, content type and body for a path."""
        if path == "/healthz":
            stalled = self._now() - self._beat > STALLED_SECONDS
            return _verdict({"loop": f"no turn for {STALLED_SECONDS:.0f} s"} if stalled else {})
        if path == "/readyz":
            return _verdict(self.missing())
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", self._metrics()
        return 404, "text/plain; charset=utf-8", b"there are: /healthz, /readyz, /metrics\n"

    def missing(self) -> dict[str, str]:
        """Return what keeps this process from being ready, by check."""
        missing = {name: text for name, check in self._checks.items() if (text := check())}
        return {**missing, "stop": "draining"} if self._draining else missing


def _verdict(missing: Mapping[str, str]) -> Page:
    if not missing:
        return 200, "text/plain; charset=utf-8", b"ok\n"
    lines = "".join(f"{name}: {text}\n" for name, text in missing.items())
    return 503, "text/plain; charset=utf-8", lines.encode()


class HealthServer:
    """The listening thread; `port` is the one it got when 0 was asked for."""

    def __init__(self, host: str, port: int, health: Health) -> None:
        handler = type("Handler", (_Handler,), {"health": health})
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            name="health",
            daemon=True,
            kwargs={"poll_interval": 0.1},
        )

    def start(self) -> None:
        """Listen until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns when the thread has ended."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    health: Health
    protocol_version = "HTTP/1.1"
    server_version = "propylon"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer a probe or a scrape."""
        status, content_type, body = self.health.page(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: probes come every second."""
