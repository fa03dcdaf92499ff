"""Checks of the books whose results are kept: requested in the office or every night, done by the worker, which has the time.

Reading a million entries takes some ten seconds, and nobody waits that long for a page.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from core import audit, clock, notices
from core.models import User
from points import verifying
from points.models import LedgerCheck, Seal
from points.verifying import Within
from stations import access
from stations.access import CITY_CODE
from stations.models import Division, Duty, StaffRole

__all__ = ["MOST_ATTEMPTS", "MOST_SAID", "ask", "ask_at_night", "run_due"]

logger = logging.getLogger(__name__)

# Sentences kept for each invariant; for more, run `verify_ledger`.
MOST_SAID = 50
MOST_ATTEMPTS = 5
NIGHT_HOUR = 2
READERS = (Duty.AUDIT, Duty.MANAGE)  # of the books of a district
_LOCK = 420_202


@transaction.atomic
def ask(*, district: Division | None, actor: User | str, at: datetime) -> LedgerCheck:
    """Have the books of a district, or of the whole city, checked. If a check is waiting or running, that one is returned.

    Raises: what `access.require` does.
    """
    code = CITY_CODE if district is None else str(district.pk)
    access.require(actor, *READERS, divisions=[code])
    said = {"asked_by": audit.actor_name(actor), "asked_at": at}
    check, is_new = LedgerCheck.objects.get_or_create(division=district, finished_at=None, defaults=said)
    if is_new:
        audit.record("ledger.check-asked", subject=("division", code), actor=actor, at=at)
    return check


def ask_at_night(*, now: datetime) -> int:
    """Once a night request a check of the whole city; return how many were requested. The worker's job."""
    if clock.to_local(now).hour < NIGHT_HOUR:
        return 0
    begun = clock.local_midnight(clock.local_date(now))
    if LedgerCheck.objects.filter(division=None, asked_at__gte=begun).exists():
        return 0
    ask(district=None, actor="worker", at=now)
    return 1


def run_due(*, now: datetime) -> int:  # noqa: ARG001 - a check takes its time; what it took is told by the clock
    """Do the oldest check that was requested; return how many were done. The worker's job.

    One at a time, however many workers there are: the lock is the database's own and ends with the worker's connection, so
    the next worker starts again what a killed one began.
    """
    if not LedgerCheck.objects.filter(finished_at=None).exists():
        return 0
    with _alone() as is_alone:
        check = LedgerCheck.objects.filter(finished_at=None).order_by("id").first() if is_alone else None
        if check is None:
            return 0
        _run(check)
    return 1


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        (is_alone,) = cursor.fetchone()
    try:
        yield is_alone
    finally:
        if is_alone:
            # A connection that broke has released the lock already.
            with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _run(check: LedgerCheck) -> None:
    check.started_at, check.attempts = clock.now(), check.attempts + 1
    if check.attempts > MOST_ATTEMPTS:
        with translation.override(settings.LANGUAGE_CODE):
            problem = _("It was begun {times} times and never came to its end.").format(times=MOST_ATTEMPTS)
        _finish(check, problem=problem)
        return
    check.save(update_fields=["started_at", "attempts"])
    within = Within(district=str(check.division_id or ""))
    try:
        with verifying.snapshot():
            found = _by_invariant(within)
            postings, entries = verifying.size(within)
            seal = Seal.objects.order_by("-number").first()
    except DatabaseError as error:
        logger.exception("check %s of the books could not be done", check.pk)
        _finish(check, problem=" ".join(str(error).split())[:300])
        return
    number, digest = (None, "") if seal is None else (seal.number, seal.digest)
    _finish(check, found=found, postings=postings, entries=entries, seal_number=number, seal_digest=digest)


def _by_invariant(within: Within) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in verifying.violations(within):
        kept = found.setdefault(each.invariant, [0, []])
        kept[0] += 1
        if len(kept[1]) < MOST_SAID:
            kept[1].append(each.said)
    return found


@transaction.atomic
def _finish(check: LedgerCheck, **said: Any) -> None:
    check.finished_at = clock.now()
    for name, value in said.items():
        setattr(check, name, value)
    check.save()
    if not check.is_clean:
        _tell(check)


def _tell(check: LedgerCheck) -> None:
    """Tell the city's auditors: what is wrong with a district's books is wrong with the city's."""
    with translation.override(settings.LANGUAGE_CODE):
        where = _("the whole city") if check.division is None else check.division.label
        if check.problem:
            text = _("The books of {where} could not be checked: {problem}").format(where=where, problem=check.problem)
        else:
            broken = ", ".join(check.found)
            text = _("A check of the books of {where} has found what is wrong: {invariants}.").format(
                where=where, invariants=broken
            )
    code = CITY_CODE if check.division_id is None else str(check.division_id)
    assert check.finished_at is not None  # noqa: S101 - narrows the type
    notices.add(
        matter=f"ledger.broken {code}", text=text, recipients=_auditors(check.finished_at), at=check.finished_at,
        path=reverse("admin:points_ledgercheck_change", args=[check.pk]),
    )  # fmt: skip


def _auditors(at: datetime) -> list[str]:
    roles = StaffRole.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=at),
        starts_at__lte=at, division=CITY_CODE, duties__contains=[Duty.AUDIT], user__is_active=True,
    )  # fmt: skip
    return list(roles.values_list("user__username", flat=True))
