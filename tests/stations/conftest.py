"""Towns to import into."""

import pytest

from stations import amenities, divisions
from tests.builders import NOON


@pytest.fixture
def town(db: None) -> None:  # noqa: ARG001
    divisions.load(actor="tests", at=NOON)
    amenities.load(actor="tests", at=NOON)


@pytest.fixture
def committed_town(transactional_db: None) -> None:  # noqa: ARG001
    divisions.load(actor="tests", at=NOON)
    amenities.load(actor="tests", at=NOON)
