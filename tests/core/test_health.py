from typing import Any

import pytest
from django.db import OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from core import health


def test_a_living_process_says_so_without_the_database(client: Client) -> None:
    assert client.get("/livez").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_means_the_database_answers_and_is_migrated(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/readyz").status_code == 200

    class Pending(MigrationExecutor):
        def migration_plan(self, *_args: Any, **_options: Any) -> list[Any]:
            return [object()]

    monkeypatch.setattr(health, "MigrationExecutor", Pending)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["pending"]) == (503, 1)

    def unreachable(_connection: object) -> None:
        raise OperationalError

    monkeypatch.setattr(health, "MigrationExecutor", unreachable)
    assert client.get("/readyz").status_code == 503


@pytest.mark.django_db
def test_who_asks_without_the_proxy_is_answered_and_not_sent_to_https(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    found = {path: Client().get(path).status_code for path in ("/livez", "/readyz", "/about/")}
    assert found == {"/livez": 200, "/readyz": 200, "/about/": 301}
