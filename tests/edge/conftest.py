"""The fake API server and a connection to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.edge.fake_api import FakeApi, running
from webhook.cluster.client import Cluster


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
async def cluster(api: FakeApi, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with running(api, tmp_path) as connected:
        yield connected
