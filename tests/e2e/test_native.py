"""The same documents, installed in the cluster itself: its own engine judges the same commands.

What `commands.py` expects is thereby upstream's answer, not our opinion of it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.commands import CASES, DOCUMENTS, LATEST, Case, check_command, empty_the_shop
from tests.e2e.propylon import DATA
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl


def is_denied(developer: Kubectl, document: Any) -> bool:
    return not developer.try_to("create", "--dry-run=server", "-f", "-", documents=document).ok


@pytest.fixture(scope="module", autouse=True)
def _in_force(admin: Kubectl, developer: Kubectl) -> Iterator[None]:
    """Install the policies without Propylon; the last one, by name, shows that all are read."""
    files = [word for name in DOCUMENTS for word in ("-f", str(DATA / "documents" / name))]
    admin.run("apply", *files)
    for changes in ({"image": LATEST}, {"replicas": 50}):
        document = shop.deployment(**changes)
        eventually(partial(is_denied, developer, document), what="the cluster denies by itself")
    yield
    admin.run("delete", *files)


@pytest.fixture
def empty_shop(admin: Kubectl, developer: Kubectl) -> Iterator[Kubectl]:
    yield developer
    empty_the_shop(admin)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_command(case: Case, empty_shop: Kubectl) -> None:
    check_command(case, empty_shop, " is forbidden: ")
