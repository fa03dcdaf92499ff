"""config/checks.py: what it reports about the settings, by id."""

from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.db import NotSupportedError, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from config.checks import (
    embedded_postgres_is_for_trials,
    hosts_are_names,
    postgresql_is_new_enough,
    rules_are_in_force,
    variables_are_known,
)
from core import rules

EMBEDDED = {"default": {"ENGINE": "config.embedded_postgres"}}
NAMED = {"default": {"ENGINE": "django.db.backends.postgresql"}}


class FakeSettings:
    def __init__(self, *, debug: bool, databases: dict[str, dict[str, str]]) -> None:
        self.DEBUG = debug
        self.DATABASES = databases


def ids(found: list[checks.CheckMessage]) -> list[str | None]:
    return [message.id for message in found]


@pytest.mark.parametrize(
    ("debug", "databases", "expected"),
    [(False, EMBEDDED, ["config.W001"]), (True, EMBEDDED, []), (False, NAMED, [])],
)
def test_config_w001_warns_of_the_embedded_server_in_a_deployment(
    monkeypatch: pytest.MonkeyPatch, debug: bool, databases: dict[str, dict[str, str]], expected: list[str]
) -> None:
    monkeypatch.setattr("config.checks.settings", FakeSettings(debug=debug, databases=databases))
    found = embedded_postgres_is_for_trials()
    assert ids(found) == expected
    assert all("DATABASE_URL" in str(message.hint) for message in found)


def test_config_w001_is_asked_only_of_a_deployment() -> None:
    assert embedded_postgres_is_for_trials in checks.registry.registry.deployment_checks
    assert embedded_postgres_is_for_trials not in checks.registry.registry.registered_checks


@pytest.mark.django_db
@pytest.mark.parametrize(("version", "expected"), [(140_018, ["config.E001"]), (150_000, []), (180_004, [])])
def test_config_e001_refuses_a_server_before_15(
    monkeypatch: pytest.MonkeyPatch, version: int, expected: list[str]
) -> None:
    monkeypatch.setitem(connections["default"].__dict__, "pg_version", version)
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    assert [id_ for id_ in ids(found) if id_ == "config.E001"] == expected


@pytest.mark.parametrize(("error", "expected"), [(NotSupportedError, ["config.E001"]), (OperationalError, [])])
def test_config_e001_tells_a_server_too_old_for_django_from_one_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], expected: list[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise error("PostgreSQL 14 or later is required (found 12.1).")

    monkeypatch.setattr(type(connections["default"]), "ensure_connection", refuse)
    assert ids(postgresql_is_new_enough(databases=["default"])) == expected


def test_config_e001_does_not_connect_unless_a_database_is_named() -> None:
    assert postgresql_is_new_enough() == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", []),
        ("https://fengchao.example.cn", []),
        ("http://192.168.1.5:8000/", []),
        ("fengchao.example.cn", ["config.E003"]),
        ("fengchao.example.cn:8000", ["config.E003"]),
        ("https://", ["config.E003"]),
        ("https://example.cn/fengchao", ["config.E003"]),
    ],
)
def test_config_e003_refuses_an_address_that_printed_codes_cannot_lead_to(
    settings: Any, address: str, expected: list[str]
) -> None:
    settings.PUBLIC_BASE_URL = address
    assert ids(checks.run_checks(tags=[checks.Tags.security])) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    "deed",
    [
        "DISABLE TRIGGER book",
        "ENABLE TRIGGER book",  # as pg_restore --disable-triggers leaves it
    ],
)
def test_config_e004_names_a_rule_that_is_not_in_force_and_the_program_is_not_ready(client: Client, deed: str) -> None:
    assert rules_are_in_force(databases=["default"]) == []
    assert client.get("/readyz").status_code == 200
    with connections["default"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE points_entry {deed}")
    (found,) = rules_are_in_force(databases=["default"])
    assert (found.id, "points_entry.book" in found.msg) == ("config.E004", True)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "rules off", "triggers": 1, "functions": 0})
    with connections["default"].cursor() as cursor:
        cursor.execute(str(found.hint).partition("owner: ")[2].partition(";")[0])
    assert rules_are_in_force(databases=["default"]) == []


@pytest.mark.django_db
def test_config_e004_misses_a_rule_that_was_dropped() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("DROP TRIGGER append_only_table ON core_auditevent")
    assert ids(rules_are_in_force(databases=["default"])) == ["config.E004"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "deed",
    [
        # As an upgrade that went wrong leaves it, and as somebody who owns the database would have it.
        "ALTER FUNCTION points_post RENAME TO points_post_of_before",
        "CREATE OR REPLACE FUNCTION points_weigh() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$",
        "ALTER FUNCTION points_weigh() SECURITY INVOKER",
        # Whoever shadows a table in a schema of his own would then be believed.
        "ALTER FUNCTION points_weigh() RESET ALL",
        "ALTER FUNCTION points_weigh() SET search_path = pg_temp, public",
    ],
)
def test_config_e006_names_a_function_that_is_not_as_it_is_written(client: Client, deed: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(deed)
    (found,) = rules_are_in_force(databases=["default"])
    name = "points_post" if "points_post" in deed else "points_weigh"
    assert (found.id, found.msg.endswith(f": {name}.")) == ("config.E006", True)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "rules off", "triggers": 0, "functions": 1})


@pytest.mark.django_db
def test_every_function_of_the_database_is_a_declared_rule() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        installed = {name for (name,) in cursor.fetchall()}
    assert installed == {each[0] for each in rules._functions()}


@pytest.mark.django_db
def test_every_trigger_of_the_database_is_a_declared_rule() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname::text, t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal"
        )
        assert rules.declared() == set(cursor.fetchall())


@pytest.mark.django_db
def test_config_e004_waits_for_migrations_which_bring_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "switched_off", lambda: [("points_entry", "of_the_next_release")])
    assert ids(rules_are_in_force(databases=["default"])) == ["config.E004"]
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: [object()])
    assert rules_are_in_force(databases=["default"]) == []


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (["fengchao.example.cn", ".example.cn", "127.0.0.1", "[::1]", "*", "localhost"], []),
        (["https://fengchao.example.cn"], ["config.E005"]),
        (["fengchao.example.cn:8000"], ["config.E005"]),
        (["a.example.cn b.example.cn"], ["config.E005"]),
    ],
)
def test_config_e005_refuses_a_host_that_no_request_can_name(
    settings: Any, hosts: list[str], expected: list[str]
) -> None:
    settings.ALLOWED_HOSTS = hosts
    assert ids(hosts_are_names()) == expected


def test_config_w002_names_the_lines_that_nobody_reads_and_none_of_their_values(settings: Any, tmp_path: Path) -> None:
    settings.ENV_FILE = tmp_path / "env"
    assert variables_are_known() == []  # everything may come from the environment
    settings.ENV_FILE.write_bytes((settings.BASE_DIR / ".env.example").read_bytes())
    assert variables_are_known() == []
    settings.ENV_FILE.write_text(
        "# ours\n\nexport DEBUG=off\nDATABASE_URI=postgres://a:hunter2@b/c\nSECRET_KEY = hunter2\nCOURIER_KEYS: hunter2\nhunter2\n"
    )
    (found,) = variables_are_known()
    assert found.id == "config.W002"
    assert found.msg.endswith(": line 4 (DATABASE_URI), line 5 (SECRET_KEY), line 6 (COURIER_KEYS), line 7.")
