"""The empty endpoint to compare with: reads the body, parses nothing, returns a fixed allow.

A Starlette route on the same uvicorn, loop and TLS as the real server: its `Server` class.
"""

import asyncio
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

ALLOW = (
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":'
    b'{"uid":"0df28fbd-5f5f-11e8-bc74-36e6bb280816","allowed":true}}'
)


async def allow(request: Request) -> Response:
    await request.body()
    return Response(ALLOW, media_type="application/json")


async def serve(folder: Path, port: int) -> None:
    app = Starlette(routes=[Route("/validate/policies", allow, methods=["POST"])])
    certificate = ServingCertificate(read_pair(folder / "tls.crt", folder / "tls.key"))
    with socket.create_server(("127.0.0.1", port)) as listener:
        await Server(app, certificate, Health({}, bytes), 0).serve_on(listener, {})


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
