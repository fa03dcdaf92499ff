"""The audit trail is written with the change and cannot be rewritten, whoever asks."""

import pytest
from django.db import DatabaseError, connection, transaction

from core import audit
from core.admin import described_changes
from core.models import AuditEvent
from tests.builders import NOON, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> AuditEvent:
    event = audit.record("station.closed", subject=("station", "WH-WC-0001"), actor=make_staff("li"), at=NOON)
    connection.check_constraints()  # PostgreSQL would refuse TRUNCATE for the deferred foreign key's sake, not for ours
    return event


def refused(statement: str) -> str:
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditevent SET actor_name = 'somebody else'",
        "DELETE FROM core_auditevent",
        "TRUNCATE core_auditevent",
        "SET LOCAL session_replication_role = replica; DELETE FROM core_auditevent",
        "SET LOCAL session_replication_role = replica; UPDATE core_auditevent SET kind = 'x'",
        "SET LOCAL session_replication_role = replica; TRUNCATE core_auditevent",
    ],
)
def test_the_database_refuses_to_change_the_trail(event: AuditEvent, statement: str) -> None:
    assert "rows are only ever added" in refused(statement)
    event.refresh_from_db()
    assert (event.kind, event.actor_name) == ("station.closed", "li")


def test_the_orm_is_refused_as_well(event: AuditEvent) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.update(kind="x")
    assert AuditEvent.objects.count() == 1


def test_the_triggers_fire_always() -> None:
    """`O` would let session_replication_role = replica pass; `A` does not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'core_auditevent'::regclass AND NOT tgisinternal"
        )
        assert sorted(cursor.fetchall()) == [("append_only_rows", "A"), ("append_only_table", "A")]


def test_an_account_with_a_past_cannot_be_deleted(event: AuditEvent) -> None:
    assert event.actor is not None
    with pytest.raises(DatabaseError), transaction.atomic():
        event.actor.delete()


def test_a_command_is_named_in_place_of_an_account() -> None:
    event = audit.record("divisions.loaded", subject=("division", "4201"), actor="load_divisions", at=NOON)
    assert (event.actor, event.actor_name) == (None, "load_divisions")


def test_the_trail_says_yes_as_people_do() -> None:
    event = audit.record(
        "gift.added", subject=("gift", "wc-1"), actor=make_staff("li"), at=NOON, data={"is_offered": True}
    )
    [said] = described_changes([event])
    assert "是" in said
    assert "true" not in said.lower()
