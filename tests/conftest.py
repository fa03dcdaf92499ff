"""Fixtures of the whole suite."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from tests.databases import own_database


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, settings: Any) -> Iterator[None]:
    """Uploads go to a folder of the test; the language is the users' own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    with translation.override("zh-hans"):
        yield


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:  # noqa: ARG001
    """A copy of the database, for tests that commit (races). Takes the place of pytest-django's fixture, whose TRUNCATE
    the append-only tables refuse."""
    with django_db_blocker.unblock(), own_database():
        yield
