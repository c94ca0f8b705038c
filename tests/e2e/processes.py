"""Start programs, ask them over HTTP whether they are up, stop them by their process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def plain_environment(home: Path) -> dict[str, str]:
    """Return the environment of every program: nothing of the user's configuration, no proxy."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NO_PROXY": "127.0.0.1",
        "LANG": "C.UTF-8",
        "PYTHONDEVMODE": "0",
    }


@dataclass(frozen=True, slots=True)
class Program:
    """A running program; standard output and error both go to `log`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Return everything that it has written."""
        return self.log.read_text(errors="replace")

    def alive(self) -> bool:
        """Tell whether it still runs."""
        return self.process.poll() is None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, unless it has ended, wait for the end and return the exit code."""
        if self.alive():
            self.process.send_signal(number)
        return self.wait()

    def wait(self, within: float = 30.0) -> int:
        """Wait for the end and return the exit code; kill it when it does not come."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def start(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Program:
    """Start a program in `folder`; its log is `<name>.log` there."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**plain_environment(folder), **(environment or {})},
        )
    return Program(name, process, log)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    folder: Path | None = None,
    text: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever that is; `text` is its standard input."""
    return subprocess.run(
        command,
        input=text,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
    )


def http_status(url: str) -> int:
    """Return the status that an unencrypted URL answers with; OSError when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def http_text(url: str) -> str:
    """Return what an unencrypted URL answers with 200."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
        return text
