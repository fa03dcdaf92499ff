"""Server and worker do all their work as a role that owns nothing, within its time limits."""

import io
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.test import Client as Browser
from django.urls import reverse

from config.roles import LIMITS, create_runtime_role
from core import clock, purging
from core.images import clean_photo
from core.management.commands import worker
from couriers import membership, privacy
from couriers.models import Courier
from points import expiring, ledger, merging, opening, passes, redemption, reversing, verifying
from points.models import ExpiryRule, Posting, Redemption, Seal
from stations import photos
from stations.importing import jobs
from tests.builders import make_client, make_courier, make_key, make_staff
from tests.core.test_images import picture
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order
from tests.points.test_sealing import seal, settle
from tests.stations.importing.files import csv_file


def _be(name: str, password: str = "") -> None:
    """Connect as somebody else from now on: this thread, and those to come."""
    connection.close()
    for entry in (connections.settings["default"], connection.settings_dict):
        entry["USER"], entry["PASSWORD"] = name, password


@pytest.fixture
def as_the_program(transactional_db: None) -> Iterator[None]:  # noqa: ARG001
    """What a test has made before is the owner's, what it does is the role's."""
    owner, password = (connection.settings_dict[fact] for fact in ("USER", "PASSWORD"))
    name, secret = f"fengchao_tests_{secrets.token_hex(4)}", secrets.token_urlsafe(20)
    create_runtime_role(name=name, password=secret)
    _be(name, secret)
    yield
    _be(owner, password)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def asked(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


@pytest.mark.usefixtures("as_the_program")
def test_the_role_is_who_it_should_be() -> None:
    assert asked("SELECT current_user").startswith("fengchao_tests_")
    assert {name: asked(f"SHOW {name}") for name in LIMITS} == LIMITS
    assert asked("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole") == 0
    with pytest.raises(Exception, match="must be owner"):
        asked("ALTER TABLE points_entry DISABLE TRIGGER book")


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(secrets.token_urlsafe(20))
    return file


@pytest.mark.django_db
def test_an_owner_that_is_no_superuser_makes_the_role_and_brings_it_up_to_date(passwords: Path) -> None:
    """As a department's database has it; the run after an upgrade finds the role there."""
    owner, role = (f"fengchao_tests_{secrets.token_hex(4)}" for _each in range(2))
    of_tables = asked("SELECT current_user")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {owner} CREATEROLE; GRANT {of_tables} TO {owner}; SET LOCAL ROLE {owner}")
    assert asked("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    for _each_time in range(2):
        call_command("create_roles", name=role, password_file=passwords, stdout=io.StringIO())
    assert asked(f"SELECT has_table_privilege('{role}', 'points_ledgercheck', 'INSERT')")


@pytest.mark.django_db
def test_a_program_that_a_new_table_is_shut_to_is_not_ready(passwords: Path, client: Browser) -> None:
    role = f"fengchao_tests_{secrets.token_hex(4)}"
    call_command("create_roles", name=role, password_file=passwords, stdout=io.StringIO())
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE of_a_new_release (id bigint); SET LOCAL ROLE {role}")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "rights missing", "tables": 1})
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    call_command("create_roles", name=role, password_file=passwords, stdout=io.StringIO())
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
    assert client.get("/readyz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_a_role_that_was_given_more_loses_it(passwords: Path) -> None:
    role = f"fengchao_tests_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} SUPERUSER CREATEDB BYPASSRLS")
    call_command("create_roles", name=role, password_file=passwords, stdout=io.StringIO())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolcanlogin, rolsuper, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = %s", [role]
        )
        assert cursor.fetchone() == (True, False, False, False)


@pytest.mark.django_db
def test_who_may_make_no_role_is_told_in_a_sentence(passwords: Path) -> None:
    weak = f"fengchao_tests_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {weak}; SET LOCAL ROLE {weak}")
    with pytest.raises(CommandError, match="permission denied"):
        call_command("create_roles", name=f"{weak}_app", password_file=passwords, stdout=io.StringIO())


@pytest.mark.usefixtures("as_the_program")
def test_the_worker_does_all_of_its_jobs(settings: Any) -> None:
    now = clock.now()
    books = keep_books()
    ordered = order(books, at=now - timedelta(days=8))
    ExpiryRule.objects.create(months=1, valid_from="2026-01-01")
    award(books, 40, courier=(old_timer := make_courier()))  # in June
    settings.NOTIFY = "console"
    settle()
    call_command("worker", "--once")
    assert Redemption.objects.get(pk=ordered.pk).status == "expired"
    assert ledger.balance_of(ledger.wallet(old_timer)) == 0
    assert Seal.objects.exists()
    assert set(purging.purge(now=now).values())
    assert list(verifying.broken_invariants()) == []


@pytest.mark.usefixtures("as_the_program")
def test_the_worker_takes_its_time_and_the_server_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of a long list may take longer than a person waits."""
    seen: list[str] = []
    monkeypatch.setattr(worker.Command, "_run", lambda *_args, **_more: seen.append(asked("SHOW statement_timeout")))
    call_command("worker", "--once")
    connection.close()
    assert set(seen) == {"15min"}
    assert asked("SHOW statement_timeout") == "10s"
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '20ms'")
        with pytest.raises(OperationalError, match="statement timeout"):
            cursor.execute("SELECT pg_sleep(5)")


@pytest.mark.usefixtures("as_the_program")
def test_staff_sign_in_and_bring_lists_and_photos() -> None:
    now = clock.now()
    books = keep_books()
    clerk = make_staff("wuchang", scope=books.district, duties=["manage", "review"])
    browser = Browser()
    sent = {"username": "wuchang", "password": "just-for-tests"}
    assert browser.post(reverse("admin:login"), {**sent, "password": "wrong"}).status_code == 200
    assert browser.post(reverse("admin:login"), sent).status_code == 302
    for name in ("index", "stations_station_changelist", "couriers_courier_changelist", "points_posting_changelist"):
        assert browser.get(reverse(f"admin:{name}")).status_code == 200
    sheet = [["名称", "区", "街道", "地址"], ["新开的驿站", "武昌", "徐家棚街", "和平大道1号"]]
    brought = SimpleUploadedFile("台账.csv", csv_file(sheet))
    job = jobs.bring(file=brought, source="台账.csv", division="420106", actor=clerk, at=now)  # type: ignore[arg-type]
    jobs.confirm(job=job, revision=job.revision, actor=clerk, at=now)
    jobs.run_due(now=now)
    job.refresh_from_db()
    assert (job.state, job.created) == ("done", 1)
    photo = clean_photo(io.BytesIO(picture(size=(40, 30))))
    assert photos.store(station=books.station, photo=photo, actor=clerk, at=now).photo
    key = make_key(make_client())
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one"}
    for _twice in range(2):
        answer = Browser().post(
            f"/api/v1/stations/{books.station.code}/uses/", {}, content_type="application/json", headers=headers
        )
        assert answer.status_code == 201


@pytest.mark.usefixtures("as_the_program")
def test_whatever_is_done_with_points_and_couriers() -> None:
    now = clock.now()
    books: Books = keep_books(points=0)
    opened = opening.open_balance(
        courier=books.courier,
        points=900,
        district=books.district,
        document="第3页",
        actor=ACTOR,
        approver="zhao",
        at=now,
    )
    given = award(books, 70)
    reversing.take_back(posting=given, reason="tests", op_id=op(), actor=ACTOR, at=now)
    ordered = order(books, at=now)
    presence = redemption.Presence(digits=passes.issue(courier=books.courier, at=now))
    redemption.hand_over(redemption=ordered, presence=presence, op_id=op(), actor=ACTOR, at=now)
    redemption.cancel(redemption=order(books, at=now), reason="tests", op_id=op(), actor=ACTOR, at=now)
    duplicate = make_courier()
    award(books, 30, courier=duplicate)
    merging.merge(kept=books.courier, duplicate=duplicate, reason="tests", op_id=op(), actor=ACTOR, at=now)
    assert ledger.balance_of(books.wallet) == 900 - PRICE + 30
    courier = membership.replace_card(courier=books.courier, reason="tests", actor=ACTOR, at=now)
    courier = membership.set_pin(courier=courier, pin="180374", actor="self", at=now)
    membership.check_pin(courier=courier, pin="180374", at=now)
    privacy.access_copy(courier=courier, reason="tests", actor=ACTOR, at=now)
    expiring.set_rule(months=12, valid_from=clock.local_date(now), actor=ACTOR, at=now)
    assert expiring.expire_due(now=now + timedelta(days=40)) == 0
    privacy.erase(courier=courier, reason="tests", actor=ACTOR, at=now)
    assert Courier.objects.get(pk=courier.pk).is_erased
    assert Posting.objects.filter(pk=opened.posting_id).exists()
    seal(now=now)
    assert list(verifying.verify_ledger()) == []
