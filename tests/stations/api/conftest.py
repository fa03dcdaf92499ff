"""What the tests of the API share."""

from collections.abc import Iterator

import pytest

from stations import finding


@pytest.fixture(autouse=True)
def _names_are_read_anew() -> Iterator[None]:
    finding.forget_names()
    yield
    finding.forget_names()
