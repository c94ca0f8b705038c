"""`propylon certs`: a CA and a serving certificate as files, for a server outside of a cluster."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.flags import fail
from webhook.tls.authority import (
    CertificateError,
    KeyPair,
    check_pair,
    expiry,
    make_authority,
    make_serving,
    service_names,
)

CA_FILES = ("ca.crt", "ca.key")
SERVING_FILES = ("tls.crt", "tls.key")


def certs(
    out: Annotated[Path, typer.Option(help="Directory for the four files; made when missing.")],
    name: Annotated[
        list[str] | None,
        typer.Option(help="A further name or address of the server; may be repeated."),
    ] = None,
    namespace: Annotated[
        str, typer.Option(help="The namespace of the Service propylon.")
    ] = "propylon-system",
) -> None:
    """Make a CA and a serving certificate (ECDSA P-256).

    The certificate is good for 127.0.0.1, ::1, localhost, propylon.NAMESPACE.svc and every --name.
    A CA that is already in the directory is used again, so callers go on trusting it; the serving
    certificate is always a new one.

    Exit code 0: written; 2: a file or the CA of the directory cannot be used.
    """
    names = tuple(dict.fromkeys((*service_names("propylon", namespace), *(name or ()))))
    now = datetime.now(UTC)
    try:
        out.mkdir(parents=True, exist_ok=True)
        authority = _authority(out, now)
        _write(out, SERVING_FILES, make_serving(authority, names, now))
        _describe(out, names)
    except CertificateError as error:
        fail("certs", str(error))
    except OSError as error:
        fail("certs", f"{error.filename}: {error.strerror}")


def _authority(out: Path, now: datetime) -> KeyPair:
    """Return the CA of the directory, or make one there."""
    certificate, key = (out / file for file in CA_FILES)
    if not certificate.exists() and not key.exists():
        authority = make_authority(now)
        _write(out, CA_FILES, authority)
        return authority
    authority = KeyPair(certificate.read_bytes(), key.read_bytes())
    try:
        check_pair(authority)
    except CertificateError as error:
        raise CertificateError(f"the CA in {out}: {error}; remove both of its files") from error
    return authority


def _write(out: Path, files: tuple[str, str], pair: KeyPair) -> None:
    """Write a pair; the key first, readable for its owner only, each file at one stroke."""
    for file, content, mode in ((files[1], pair.key, 0o600), (files[0], pair.certificate, 0o644)):
        draft = out / f".{file}.new"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        draft.replace(out / file)


def _describe(out: Path, names: tuple[str, ...]) -> None:
    for title, (certificate, key) in (("CA", CA_FILES), ("serving certificate", SERVING_FILES)):
        end = expiry((out / certificate).read_bytes())
        typer.echo(f"{title}: {out / certificate}, {out / key} (until {end:%Y-%m-%d})")
    typer.echo(f"names: {', '.join(names)}")
