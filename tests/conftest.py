"""Fixtures of the whole suite."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import translation

from config.embedded_postgres import cluster
from core import clock
from tests import contract
from tests.databases import own_database

BROWSER = Path(__file__).parent / "browser"


def pytest_sessionstart(session: pytest.Session) -> None:
    """A server of one's own that cannot be reached is said in one sentence, not by every test in a hundred lines.

    The embedded one says so itself.
    """
    own = settings.DATABASES["default"]
    if own["ENGINE"] == cluster.ENGINE or hasattr(session.config, "workerinput"):
        return
    try:
        psycopg2.connect(
            dbname="postgres",
            host=own["HOST"],
            port=own["PORT"],
            user=own["USER"],
            password=own["PASSWORD"],
            connect_timeout=10,
        ).close()
    except psycopg2.OperationalError as refusal:
        pytest.exit(
            f"The PostgreSQL that DATABASE_URL names cannot be used: {' '.join(str(refusal).split())} Start it or mend the line; without"
            " DATABASE_URL the tests use the embedded one.",
            returncode=3,
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers (`make test`), the tests of a file stay together, and those of the browser, which share a town."""
    for item in items:
        group = "browser" if BROWSER in item.path.parents else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """A real hash takes 0.4 s of a core, and most tests of the desk make one. Servers that tests start use real ones."""
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    ):
        yield


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path) -> Iterator[None]:
    """Uploads go to a folder of the test; the language is the one that users get."""
    with override_settings(MEDIA_ROOT=tmp_path / "media"), translation.override("zh-hans"):
        yield


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Time stands still: no window of a limit ends in the middle of a test that counts up to it."""
    at = clock.now()
    monkeypatch.setattr(clock, "now", lambda: at)
    return at


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:  # noqa: ARG001
    """A copy of the database, for tests that commit (races). Replaces pytest-django's fixture, whose TRUNCATE the
    append-only tables refuse."""
    with django_db_blocker.unblock(), own_database():
        yield


@pytest.fixture(scope="session", autouse=True)
def _every_answer_of_the_api_keeps_its_contract() -> Iterator[None]:
    """Whatever a test requests below /api/: an undeclared status, member, header or problem code fails it at once."""
    asked = Client.request

    def request(client: Client, **environ: Any) -> Any:
        response = asked(client, **environ)
        if environ["PATH_INFO"].startswith("/api/"):
            contract.check(environ["REQUEST_METHOD"], environ["PATH_INFO"], response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "request", request)
        yield
