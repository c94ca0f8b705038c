"""The empty endpoint to compare with: reads the body, parses nothing, returns a fixed allow.

A Starlette route on the same uvicorn, loop and TLS as the real server: its `Server` class.
`/validate/echo` is for a real API server: it returns the uid, and denies what has the name `bare`.
"""

import asyncio
import re
import socket
import sys
from pathlib import Path

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webhook.health import Health
from webhook.server import Server
from webhook.tls.context import ServingCertificate, read_pair

UID = b"0df28fbd-5f5f-11e8-bc74-36e6bb280816"
ALLOW = (
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":'
    b'{"uid":"' + UID + b'","allowed":true}}'
)
DENY = ALLOW.replace(b"true", b"false")


async def allow(request: Request) -> Response:
    await request.body()
    return Response(ALLOW, media_type="application/json")


async def echo(request: Request) -> Response:
    body = await request.body()
    found = re.search(rb'"uid":"([^"]*)"', body)
    answer = DENY if b'"name":"bare","namespace"' in body[:1000] else ALLOW
    return Response(answer.replace(UID, found[1] if found else b""), media_type="application/json")


async def serve(folder: Path, port: int) -> None:
    routes = [
        Route("/validate/policies", allow, methods=["POST"]),
        Route("/validate/echo", echo, methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    certificate = ServingCertificate(read_pair(folder / "tls.crt", folder / "tls.key"))
    with socket.create_server(("127.0.0.1", port)) as listener:
        await Server(app, certificate, Health({}, bytes), 0).serve_on(listener, {})


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
