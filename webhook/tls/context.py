"""The server's SSLContext, whose certificate can be replaced while it serves.

Connections that are open keep theirs; every new handshake gets the new one. A key without its
certificate, or a certificate without its key, changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import tempfile
from datetime import datetime
from pathlib import Path

from webhook.tls.authority import CertificateError, KeyPair, check_pair, expiry

POLL_SECONDS = 5.0

logger = logging.getLogger(__name__)


class ServingCertificate:
    """An SSLContext for a server and the certificate in it.

    Give `context` to uvicorn as `ssl_context_factory=lambda *_: serving.context`. `client_ca`
    makes the handshake ask for a client certificate, and refuse one of another authority; a
    caller without one is still let in, and known as such.
    """

    def __init__(self, pair: KeyPair, client_ca: Path | None = None) -> None:
        self.context = _server_context()
        if client_ca is not None:
            _trust_clients(self.context, client_ca)
        self._pair = pair
        self._load(pair)

    @property
    def expiry(self) -> datetime:
        """The time until which the certificate in use is valid."""
        return expiry(self._pair.certificate)

    def replace(self, pair: KeyPair) -> bool:
        """Use this pair from the next handshake on; tell whether that is a change.

        Raise CertificateError, and change nothing, when the two do not belong together.
        """
        if pair == self._pair:
            return False
        self._load(pair)
        self._pair = pair
        return True

    def _load(self, pair: KeyPair) -> None:
        check_pair(pair)
        with tempfile.TemporaryDirectory(prefix="propylon-") as folder:
            # OpenSSL reads files only; the folder is readable for nobody else, and goes at once
            certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
            certificate.write_bytes(pair.certificate)
            key.write_bytes(pair.key)
            # A half-loaded context would refuse every handshake: first try a context aside.
            for context in (_server_context(), self.context):
                _load_chain(context, certificate, key)


def read_pair(certificate: Path, key: Path) -> KeyPair:
    """Read a pair of files; raise CertificateError with the file that cannot be read."""
    try:
        return KeyPair(certificate.read_bytes(), key.read_bytes())
    except OSError as error:
        raise CertificateError(f"{error.filename}: {error.strerror}") from error


async def follow_files(
    serving: ServingCertificate, certificate: Path, key: Path, interval: float = POLL_SECONDS
) -> None:
    """Replace the certificate whenever both files hold a new pair; run for ever.

    `interval` is in seconds. One file without the other waits for it.
    """
    problem = ""
    while True:
        await asyncio.sleep(interval)
        try:
            if serving.replace(await asyncio.to_thread(read_pair, certificate, key)):
                logger.info("serving certificate replaced", extra={"expiry": str(serving.expiry)})
            problem = ""
        except CertificateError as error:
            if str(error) != problem:  # once, not every five seconds
                problem = str(error)
                logger.warning("serving certificate not replaced", extra={"reason": problem})


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trust_clients(context: ssl.SSLContext, client_ca: Path) -> None:
    try:
        context.load_verify_locations(client_ca)
    except OSError as error:
        raise CertificateError(f"client CA {client_ca}: {error}") from error
    context.verify_mode = ssl.CERT_OPTIONAL


def _load_chain(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise CertificateError(f"OpenSSL refuses the certificate: {error}") from error
