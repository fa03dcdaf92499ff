"""The one way into the audit trail."""

from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import translation

from core.copying import copy_in
from core.models import AuditEvent, User

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

__all__ = ["actor_name", "in_office_words", "record", "record_many"]


def actor_name(actor: User | str) -> str:
    """The name kept for `actor`: a user's own, or the command's ("import_stations")."""
    return actor if isinstance(actor, str) else actor.get_username()


def in_office_words(reason: "StrPromise") -> str:
    """A reason that the program gives by itself, as it is kept: in the language of the office, whatever that of the page."""
    with translation.override(settings.LANGUAGE_CODE):
        return str(reason)


def record(
    kind: str,
    *,
    subject: tuple[str, str],
    actor: User | str,
    at: datetime,
    data: dict[str, Any] | None = None,
    also_under: Iterable[str] = (),
) -> AuditEvent:
    """Write what was done, inside the caller's transaction. `subject` is (type, code), such as ("station", "WH-QK-0001").

    If the subject changes its code, `also_under` are its other codes: under each the same is told once more, with the first
    code as `told_under`.
    """
    event = AuditEvent(
        kind=kind,
        subject_type=subject[0],
        subject_code=subject[1],
        actor=actor if isinstance(actor, User) else None,
        actor_name=actor_name(actor),
        data=data or {},
        occurred_at=at,
    )
    event.save(force_insert=True)
    for code in also_under:
        echo = copy(event)
        echo.pk, echo.subject_code, echo.data = None, code, event.data | {"told_under": event.subject_code}
        echo.save(force_insert=True)
    return event


def record_many(
    kind: str, *, subjects: Iterable[tuple[tuple[str, str], dict[str, Any]]], actor: User | str, at: datetime
) -> None:
    """Write one event for each of many subjects by COPY: an import of 200,000 rows leaves 200,000 traces.

    Dates and decimal numbers in the data become texts.
    """
    actor_id = actor.pk if isinstance(actor, User) else None
    name = actor_name(actor)
    copy_in(
        "core_auditevent",
        ("kind", "subject_type", "subject_code", "actor_id", "actor_name", "data", "occurred_at"),
        [(kind, subject_type, code, actor_id, name, data, at) for (subject_type, code), data in subjects],
    )
