"""Real handshakes: the certificate changes for the next connection, not for the present ones."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from tests.edge.fake_api import eventually, task_running
from webhook.tls.authority import (
    LOCAL_NAMES,
    CertificateError,
    KeyPair,
    Material,
    expiry,
    make_material,
    make_serving,
)
from webhook.tls.context import ServingCertificate, follow_files, read_pair

MATERIAL = make_material(LOCAL_NAMES, datetime.now(UTC))


def next_pair(material: Material = MATERIAL) -> KeyPair:
    authority = KeyPair(material.ca_bundle, material.ca_key)
    return make_serving(authority, LOCAL_NAMES, datetime.now(UTC))


@dataclass
class Echo:
    """A TLS server that says back what it is told."""

    port: int

    async def connect(
        self, client: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = client or trusting(MATERIAL.ca_bundle)
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context)

    async def presented(self) -> bytes:
        """Return the certificate that a new connection gets, in DER."""
        _, writer = await self.connect()
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
        return certificate


def trusting(bundle: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=bundle.decode())


@asynccontextmanager
async def echo(serving: ServingCertificate) -> AsyncIterator[Echo]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving.context)
    async with server:
        yield Echo(server.sockets[0].getsockname()[1])


def der(pair: KeyPair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.certificate.decode())


async def test_new_handshakes_get_the_new_certificate() -> None:
    serving = ServingCertificate(MATERIAL.serving)
    async with echo(serving) as server:
        reader, writer = await server.connect()
        assert await server.presented() == der(MATERIAL.serving)
        pair = next_pair()
        assert serving.replace(pair) is True
        assert serving.replace(pair) is False
        assert await server.presented() == der(pair)
        writer.write(b"still here\n")
        assert await reader.readline() == b"still here\n"
        writer.close()
        await writer.wait_closed()
    assert serving.expiry == expiry(pair.certificate)


async def test_pair_that_does_not_fit_changes_nothing() -> None:
    serving = ServingCertificate(MATERIAL.serving)
    with pytest.raises(CertificateError, match="does not belong"):
        serving.replace(KeyPair(next_pair().certificate, MATERIAL.serving.key))
    async with echo(serving) as server:
        assert await server.presented() == der(MATERIAL.serving)


def test_certificate_that_openssl_refuses_is_named() -> None:
    broken = MATERIAL.serving.certificate + b"-----BEGIN CERTIFICATE-----\nAAAA\n"
    with pytest.raises(CertificateError):
        ServingCertificate(KeyPair(broken, MATERIAL.serving.key))


async def test_old_protocols_are_refused() -> None:
    serving = ServingCertificate(MATERIAL.serving)
    assert serving.context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.fixture(scope="module")
def client_authority() -> trustme.CA:
    return trustme.CA()


class TestClientCertificate:
    """It is asked for where the caller has one, and must be of the right authority."""

    @pytest.fixture
    def serving(self, client_authority: trustme.CA, tmp_path: Path) -> ServingCertificate:
        file = tmp_path / "client-ca.crt"
        client_authority.cert_pem.write_to_path(file)
        return ServingCertificate(MATERIAL.serving, file)

    async def test_right_one_is_known(
        self, serving: ServingCertificate, client_authority: trustme.CA
    ) -> None:
        context = trusting(MATERIAL.ca_bundle)
        client_authority.issue_cert("api@example.com").configure_cert(context)
        async with echo(serving) as server:
            reader, writer = await server.connect(context)
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()

    async def test_none_is_let_in(self, serving: ServingCertificate) -> None:
        async with echo(serving) as server:
            assert await server.presented() == der(MATERIAL.serving)

    async def test_foreign_one_is_refused(self, serving: ServingCertificate) -> None:
        context = trusting(MATERIAL.ca_bundle)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # the refusal arrives in the handshake
        trustme.CA().issue_cert("api@example.com").configure_cert(context)
        async with echo(serving) as server:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await server.connect(context)

    @pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "rubbish"])
    def test_unusable_authority_is_named(self, content: str | None, tmp_path: Path) -> None:
        file = tmp_path / "ca.crt"
        if content is not None:
            file.write_text(content)
        with pytest.raises(CertificateError, match="client CA"):
            ServingCertificate(MATERIAL.serving, file)


class TestFiles:
    """A pair of files that somebody else renews."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> tuple[Path, Path]:
        files = tmp_path / "tls.crt", tmp_path / "tls.key"
        write(files, MATERIAL.serving)
        return files

    async def test_both_changed_are_taken(self, files: tuple[Path, Path]) -> None:
        serving = ServingCertificate(read_pair(*files))
        pair = next_pair()
        async with task_running(follow_files(serving, *files, 0.001)):
            write(files, pair)
            await eventually(lambda: serving._pair == pair)

    async def test_one_waits_for_the_other(
        self, files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
    ) -> None:
        serving = ServingCertificate(read_pair(*files))
        pair = next_pair()
        async with task_running(follow_files(serving, *files, 0.001)):
            files[0].write_bytes(pair.certificate)
            await eventually(lambda: "not replaced" in caplog.text)
            assert serving._pair == MATERIAL.serving
            files[1].write_bytes(pair.key)
            await eventually(lambda: serving._pair == pair)

    async def test_missing_file_is_said_once(
        self, files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
    ) -> None:
        serving = ServingCertificate(read_pair(*files))
        files[0].unlink()
        pair = next_pair()
        async with task_running(follow_files(serving, *files, 0.001)):
            await eventually(lambda: "not replaced" in caplog.text)
            await asyncio.sleep(0.02)
            write(files, pair)
            await eventually(lambda: serving._pair == pair)
        reasons = [vars(one).get("reason", "") for one in caplog.records]
        assert sum("No such file" in one for one in reasons) == 1


def write(files: tuple[Path, Path], pair: KeyPair) -> None:
    files[0].write_bytes(pair.certificate)
    files[1].write_bytes(pair.key)
