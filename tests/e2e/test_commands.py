"""What a developer sees: each writing command of kubectl, allowed, warned about or denied.

Looked at: exit code, standard error word by word, and what is stored afterwards.
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
from tests.e2e.propylon import DENIED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon


@pytest.fixture(scope="module", autouse=True)
def _in_force(propylon: Propylon, developer: Kubectl) -> None:
    propylon.put_in_force("baseline", *DOCUMENTS)
    wait_until_in_force(developer)


@pytest.fixture
def empty_shop(admin: Kubectl, developer: Kubectl) -> Iterator[Kubectl]:
    yield developer
    empty_the_shop(admin)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_command(case: Case, empty_shop: Kubectl) -> None:
    check_command(case, empty_shop, DENIED)
