"""Probes: what they answer, from a thread of its own."""

import http.client

import pytest

from webhook.health import STALLED_SECONDS, Health, HealthServer


class Now:
    value = 0.0

    def __call__(self) -> float:
        return self.value


def health(now: Now | None = None, **missing: str) -> Health:
    checks = {name: (lambda text=text: text) for name, text in missing.items()}
    return Health(checks, lambda: b"a_metric 1\n", now or Now())


PAGES = {
    "alive": (health(), "/healthz", 200, b"ok\n"),
    "alive while not ready": (health(policies="none yet"), "/healthz", 200, b"ok\n"),
    "ready": (health(policies=""), "/readyz", 200, b"ok\n"),
    "not ready": (
        health(policies="none yet", port="closed", fine=""),
        "/readyz",
        503,
        b"policies: none yet\nport: closed\n",
    ),
    "metrics": (health(), "/metrics", 200, b"a_metric 1\n"),
    "nothing": (health(), "/", 404, b"there are: /healthz, /readyz, /metrics\n"),
}


@pytest.mark.parametrize(("subject", "path", "status", "body"), PAGES.values(), ids=PAGES)
def test_page_is(subject: Health, path: str, status: int, body: bytes) -> None:
    found_status, content_type, found_body = subject.page(path)
    assert (found_status, found_body) == (status, body)
    assert content_type.startswith("text/plain")


def test_draining_is_unready_and_alive() -> None:
    subject = health()
    subject.drain()
    assert subject.page("/readyz")[::2] == (503, b"stop: draining\n")
    assert subject.page("/healthz")[0] == 200


def test_checks_can_be_added() -> None:
    subject = health()
    subject.add_checks({"lag": lambda: "behind"})
    assert subject.page("/readyz")[2] == b"lag: behind\n"


def test_loop_that_does_not_turn_fails_the_liveness_probe() -> None:
    now = Now()
    subject = health(now)
    now.value = STALLED_SECONDS
    assert subject.page("/healthz")[0] == 200
    now.value += 1
    assert subject.page("/healthz")[::2] == (503, b"loop: no turn for 60 s\n")
    subject.beat()
    assert subject.page("/healthz")[0] == 200


def test_thread_serves_and_stops() -> None:
    server = HealthServer("127.0.0.1", 0, health())
    server.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        for _ in range(2):  # the connection is kept
            connection.request("GET", "/healthz?verbose")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"ok\n")
        connection.request("POST", "/healthz", b"")
        assert connection.getresponse().status == 501
    finally:
        connection.close()
        server.stop()
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=5).connect()
