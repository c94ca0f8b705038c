"""What a Service is in a cluster: one address, and each connection goes to one living replica."""

from __future__ import annotations

import contextlib
import itertools
import socket
import socketserver
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 64 * 1024


class Balancer(socketserver.ThreadingTCPServer):
    """Forwards bytes; `ports` are those of the replicas and may change at any time."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Forwarder)
        self.ports: tuple[int, ...] = ()
        self._turn = itertools.count()
        self._opened: list[socket.socket] = []

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def connect(self) -> socket.socket:
        """Open a connection to the next replica that takes it; OSError when none does."""
        ports = self.ports
        first = next(self._turn)
        for step in range(len(ports)):
            with contextlib.suppress(OSError):
                found = socket.create_connection(
                    ("127.0.0.1", ports[(first + step) % len(ports)]), timeout=5
                )
                self._opened.append(found)
                return found
        raise ConnectionRefusedError("no replica takes connections")

    def cut(self) -> None:
        """Break every connection, and take no further ones until `ports` are set again."""
        self.ports = ()
        while self._opened:
            with contextlib.suppress(OSError):
                self._opened.pop().shutdown(socket.SHUT_RDWR)


class _Forwarder(socketserver.BaseRequestHandler):
    server: Balancer
    request: socket.socket

    def handle(self) -> None:
        try:
            replica = self.server.connect()
        except OSError:
            return
        replica.settimeout(None)
        with replica:
            answers = threading.Thread(target=_pump, args=(replica, self.request), daemon=True)
            answers.start()
            _pump(self.request, replica)
            answers.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def running_balancer() -> Iterator[Balancer]:
    """Serve until the end of the block."""
    with Balancer() as balancer:
        thread = threading.Thread(target=balancer.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield balancer
        finally:
            balancer.shutdown()
            thread.join()
