"""The same documents, installed in the cluster itself: its own engine judges the same commands.

What `commands.py` expects is thereby upstream's answer, not our opinion of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import (
    CASES,
    DOCUMENTS,
    Case,
    check_command,
    empty_the_shop,
    wait_until_in_force,
)
from tests.e2e.propylon import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl


@pytest.fixture(scope="module", autouse=True)
def _in_force(admin: Kubectl, developer: Kubectl) -> Iterator[None]:
    """Install the policies in the cluster itself, without Propylon."""
    files = [word for name in DOCUMENTS for word in ("-f", str(DATA / "documents" / name))]
    admin.run("apply", *files)
    wait_until_in_force(developer)
    yield
    admin.run("delete", *files)


@pytest.fixture
def empty_shop(admin: Kubectl, developer: Kubectl) -> Iterator[Kubectl]:
    yield developer
    empty_the_shop(admin)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_command(case: Case, empty_shop: Kubectl) -> None:
    check_command(case, empty_shop, " is forbidden: ")
