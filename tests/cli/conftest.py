"""A running server for the tests of the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from webhook.cli import demo


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[demo.Server]:
    with demo._server(demo.POLICIES, tmp_path, "") as server:
        yield server
