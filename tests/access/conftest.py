"""One town for all tests of a module, built once and discarded by a rollback."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import translation

from core import clock
from stations import finding
from tests.access.world import World, build


@pytest.fixture(scope="module")
def world(
    django_db_setup: None,  # noqa: ARG001
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    changed = override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media"))
    with django_db_blocker.unblock(), changed, transaction.atomic():
        finding.forget_names()
        # The clock is stopped: two answers differ by what was asked, not by when.
        with pytest.MonkeyPatch.context() as patch:
            now = clock.now()
            patch.setattr("core.clock.now", lambda: now)
            yield build()
        transaction.set_rollback(True)
    finding.forget_names()


@pytest.fixture(autouse=True)
def _surroundings() -> Iterator[None]:
    """Uploads go to the folder of the module's town, instead of one for each test."""
    with translation.override("zh-hans"):
        yield
