"""Call an ASGI application with one request, byte for byte, and collect the answer."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp

JSON = ((b"content-type", b"application/json"),)


@dataclass(slots=True)
class Answer:
    """What was sent; `left` are the messages that the application did not read."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    left: int = 0

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def response(self) -> Any:
        """The `response` of an AdmissionReview."""
        return orjson.loads(self.body)["response"]


async def post(
    app: ASGIApp,
    path: str,
    body: bytes | Iterable[bytes] = b"",
    *,
    headers: Iterable[tuple[bytes, bytes]] = JSON,
    query: bytes = b"",
    method: str = "POST",
    disconnects: bool = False,
) -> Answer:
    """Send one request; a body of several chunks comes in several messages."""
    chunks = [body] if isinstance(body, bytes) else list(body)
    messages: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    if disconnects:
        messages.append({"type": "http.disconnect"})
    else:
        messages[-1]["more_body"] = False
    answer = Answer()
    messages.reverse()

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop()

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = dict(message["headers"])
        else:
            answer.body += message["body"]

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": query,
        "headers": list(headers),
        "client": ("10.0.0.9", 40000),
    }
    await app(scope, receive, send)
    answer.left = len(messages)
    return answer
