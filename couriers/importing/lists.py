"""Lists of couriers that staff bring in through the admin: checked, asked about, confirmed, and written while they wait.

A list holds names and phones of people who have not come yet. So its file is kept sealed, and deleted when the list is
written or put aside, and after a day in any case; what is remembered of it is masked. What its wordings mean is answered
once: the answers to a list that was written are reused for the next one. Bringing a list reveals which numbers are
registered, so it is counted and stays in the trail. Locks: CourierList, then as `import_couriers`.
"""

import io
import secrets
from collections import Counter
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit, clock, limits
from core.errors import DomainError
from core.limits import Limit
from core.models import User
from couriers import duties, sealing
from couriers.importing.importing import Batch, import_couriers
from couriers.importing.reports import CourierReport
from couriers.importing.rows import KIND_MISSING, CourierRow, masked_text
from couriers.models import CourierList
from couriers.phones import mask_name, mask_phone
from couriers.sealing import SealBroken
from stations import access
from stations.importing import Decisions, FileUnreadable, Finding, Outcome, Severity
from stations.importing.decisions import answers_to, answers_without, fitting_answers
from stations.importing.errors import FileTooLarge
from stations.importing.sheets import read_sheets

__all__ = [
    "INLINE_ROWS",
    "LISTS_A_DAY",
    "MAX_ROWS",
    "AnswersWaiting",
    "ListMovedOn",
    "answer",
    "bring",
    "confirm",
    "drop",
    "findings_of",
    "hand_back",
    "is_interrupted",
    "look_again",
    "purge",
    "report_of",
    "take_back",
]

FOLDER = "courier-lists"
MAX_UPLOAD_BYTES = 20 * 2**20
# What can be written in half a minute while its clerk waits, even if every row changes somebody's work.
MAX_ROWS = 5_000
# A longer list is checked once for all answers together.
INLINE_ROWS = 500
LISTS_A_DAY = Limit("courier-list", calls=20, window_s=86_400)
ROWS_KEPT = 10  # of those that change something, for the page
FINDINGS_KEPT = 5_000
FILE_KEPT = timedelta(days=1)
# Longer than a batch takes. A writing that has made no progress for this long was killed.
LEASE = timedelta(minutes=3)


_LISTS_REMEMBERED = 20
# What a wording means holds from list to list; which side is right about one row does not.
_WORDINGS = ("company:", "outlet:", "district:", "kind:")


class ListMovedOn(DomainError):
    """Somebody else, or another page, has continued with the list."""

    code, status = "courier_list_moved_on", 409
    title = gettext_lazy("This list is not waiting for that any more.")


class AnswersWaiting(DomainError):
    """What would be written with the answers has not been shown yet."""

    code, status = "courier_list_answers_waiting", 409
    title = gettext_lazy("Let the list be looked through with your answers before you confirm.")


def bring(
    *,
    file: BinaryIO,
    source: str,
    division: str,
    agreed_on_paper: bool,
    kind: str,
    change_work: bool,
    actor: User,
    at: datetime,
) -> CourierList:
    """Check a list and keep it, sealed, until it is confirmed.

    Raises: FileUnreadable and its kinds, InvalidValue, TooMany; what `access.require` does.
    """
    access.require(actor, *duties.AT_DESK, divisions=[division])
    data = file.read(MAX_UPLOAD_BYTES + 1)
    if len(data) > MAX_UPLOAD_BYTES:
        limit = MAX_UPLOAD_BYTES // 2**20
        raise FileTooLarge(_("It has more than {limit} MB. Delete pictures, or split the list.").format(limit=limit))
    if sum(sheet.row_count for sheet in read_sheets(io.BytesIO(data))) > MAX_ROWS + 100:
        raise FileTooLarge(_("It has more than {limit} rows. Split it.").format(limit=f"{MAX_ROWS:,}"))
    limits.enforce(LISTS_A_DAY, key=str(actor.pk), at=at)
    brought = CourierList(
        made_by=actor, made_at=at, changed_at=at, division_id=division, source=masked_text(source)[-200:],
        agreed_on_paper=agreed_on_paper, kind=kind, change_work=change_work, state=CourierList.State.PREVIEWED,
    )  # fmt: skip
    brought.decisions = _remembered(division)
    report = _look_through(brought, data, actor=actor, at=at)
    # A name that reveals nothing: only the program reads the file, and no URL leads to it.
    brought.file = default_storage.save(
        f"{FOLDER}/{secrets.token_hex(16)}", ContentFile(sealing.sealed_bytes(data, column=FOLDER))
    )
    try:
        with transaction.atomic():
            brought.save()
            audit.record(
                "couriers.list-brought",
                subject=("division", division),
                actor=actor,
                at=at,
                data={"source": brought.source, "rows": report.total},
            )
    except BaseException:
        default_storage.delete(brought.file)
        raise
    return brought


def _remembered(division: str) -> dict[str, str]:
    """What this office and the city's have answered about wordings, so that nobody is asked twice."""
    answers: dict[str, str] = {}
    done = CourierList.objects.filter(division_id__in=[division, access.CITY_CODE], state=CourierList.State.DONE)
    for decisions in reversed(done.order_by("-id").values_list("decisions", flat=True)[:_LISTS_REMEMBERED]):
        answers |= decisions
    return answers


def _look_through(brought: CourierList, data: bytes, *, actor: User, at: datetime) -> CourierReport:
    """Find out what the list would do now."""
    preview = _Preview()
    report = _run(brought, data, actor=actor, at=at, dry_run=True, watch=preview)
    _count(brought, report.outcomes)
    brought.report = _kept(report) | {"rows": preview.rows}
    return report


class _Preview:
    """Watches a trial: the first rows that would change something, masked."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def __call__(self, batch: Batch) -> None:
        for row, outcome in batch.rows:
            if len(self.rows) < ROWS_KEPT and outcome in (Outcome.CREATED, Outcome.UPDATED):
                self.rows.append(_shown(row, outcome))


def _shown(row: CourierRow, outcome: Outcome) -> dict[str, Any]:
    return {
        "sheet": masked_text(row.sheet),
        "row": row.number,
        "outcome": str(outcome),
        "name": mask_name(row.name),
        "phone": mask_phone(row.phone),
        "kind": row.kind,
        "company": row.brand.name if row.brand else "",
        "outlet": row.outlet.name if row.outlet else "",
        "district": row.district.name if row.district else "",
    }


def _run(brought: CourierList, data: bytes, *, actor: User, at: datetime, dry_run: bool, watch: Any) -> CourierReport:
    return import_couriers(
        io.BytesIO(data),
        source=brought.source,
        actor=actor,
        at=at,
        division="" if str(brought.division_id) == access.CITY_CODE else str(brought.division_id),
        agreed_on_paper=brought.agreed_on_paper,
        kind=brought.kind,
        change_work=brought.change_work,
        dry_run=dry_run,
        watch=watch,
        decisions=Decisions(brought.decisions),
    )


def _count(brought: CourierList, outcomes: Counter[Outcome]) -> None:
    for outcome in Outcome:
        setattr(brought, outcome, outcomes[outcome])


def _kept(report: CourierReport) -> dict[str, Any]:
    """What is remembered of a report."""
    findings = report.findings[:FINDINGS_KEPT]
    return {
        "sentence": report.sentence,
        "notes": report.notes[:50],
        "findings": [asdict(finding) for finding in findings],
        "findings_not_kept": report.findings_not_kept + len(report.findings) - len(findings),
        "in_doubt": len(report.rows(Severity.DOUBT)),
    }


def findings_of(brought: CourierList) -> list[Finding]:
    """What was found in the list, in the order of its rows."""
    return [
        Finding(**each | {"severity": Severity(each["severity"]), "choices": ()})
        for each in brought.report.get("findings", [])
    ]


def report_of(brought: CourierList) -> CourierReport:
    """The report as far as it is kept, for the file with the findings."""
    report = CourierReport(is_dry_run=brought.state != CourierList.State.DONE)
    report.outcomes = Counter({outcome: getattr(brought, outcome) for outcome in Outcome})
    report.findings = findings_of(brought)
    report.findings_not_kept = brought.report.get("findings_not_kept", 0)
    report.notes = list(brought.report.get("notes", []))
    return report


# ── Answering ───────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def answer(*, brought: CourierList, subject: str, said: str, actor: User, at: datetime) -> CourierList:
    """Settle a doubt, and check the list again; "" leaves it out for now.

    A long list is checked when everything is answered (`look_again`).
    Raises: ListMovedOn, InvalidValue for a doubt that is not asked; FileUnreadable where the file is gone; what
    `access.require` does.
    """
    brought = _to_settle(brought, actor=actor)
    brought.decisions |= answers_to(findings_of(brought), subject=subject, said=said)
    return _answered(brought, actor=actor, at=at)


@transaction.atomic
def take_back(*, brought: CourierList, subject: str, actor: User, at: datetime) -> CourierList:
    """Ask again what was answered.   Raises: as `answer`."""
    brought = _to_settle(brought, actor=actor)
    brought.decisions = answers_without(brought.decisions, subject=subject)
    return _answered(brought, actor=actor, at=at)


@transaction.atomic
def hand_back(*, brought: CourierList, file: BinaryIO, actor: User, at: datetime) -> tuple[CourierList, int]:
    """Read the answers from a completed result file; also return how many matched a question of this list.

    Raises: FileUnreadable and its kinds; as `answer`.
    """
    brought = _to_settle(brought, actor=actor)
    fitting = fitting_answers(findings_of(brought), file)
    if fitting:
        brought.decisions |= fitting
        brought = _answered(brought, actor=actor, at=at)
    return brought, len(fitting)


@transaction.atomic
def look_again(*, brought: CourierList, actor: User, at: datetime) -> CourierList:
    """Check the list once more, with the answers given since.   Raises: as `answer`."""
    brought = _to_settle(brought, actor=actor)
    _look_through(brought, _opened(brought), actor=actor, at=at)
    brought.save()
    return brought


def _to_settle(brought: CourierList, *, actor: User) -> CourierList:
    """The list, locked, that waits to be confirmed."""
    brought = _locked(brought, actor=actor)
    if brought.state != CourierList.State.PREVIEWED:
        raise ListMovedOn(state=brought.state)
    return brought


def _answered(brought: CourierList, *, actor: User, at: datetime) -> CourierList:
    if brought.created + brought.updated + brought.unchanged + brought.refused <= INLINE_ROWS:
        _look_through(brought, _opened(brought), actor=actor, at=at)
    else:
        brought.report["answers_waiting"] = True
    brought.save()
    return brought


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def confirm(*, brought: CourierList, actor: User, at: datetime) -> CourierList:
    """Write the list; rows in doubt or refused are left out. If two confirm, only one writes.

    A writing that was killed is resumed by confirming once more.
    Raises: ListMovedOn; AnswersWaiting; FileUnreadable where the file is gone; what `access.require` does.
    """
    with transaction.atomic():
        brought = _locked(brought, actor=actor)
        was_killed = is_interrupted(brought)
        if brought.state != CourierList.State.PREVIEWED and not was_killed:
            raise ListMovedOn(state=brought.state)
        if brought.report.get("answers_waiting"):
            raise AnswersWaiting
        if not was_killed:
            _count(brought, Counter())
        # By the wall clock, as in each batch: this is a claim, whatever moment the couriers are written under.
        brought.state, brought.changed_at = CourierList.State.WRITING, clock.now()
        brought.save()
    data = _opened(brought)
    writing = _Writing(brought)
    try:
        report = _run(brought, data, actor=actor, at=at, dry_run=False, watch=writing)
    except Exception:
        # Whoever resumes need not wait until the claim expires.
        CourierList.objects.filter(pk=brought.pk).update(changed_at=clock.now() - 2 * LEASE)
        raise
    report.outcomes = writing.outcomes(report.outcomes)
    _count(brought, report.outcomes)
    brought.report, brought.state, brought.changed_at = _kept(report), CourierList.State.DONE, clock.now()
    brought.decisions = {
        subject: said
        for subject, said in brought.decisions.items()
        if said and subject != KIND_MISSING and subject.startswith(_WORDINGS)
    }
    brought.save()
    _forget_file(brought)
    return brought


class _Writing:
    """Watches the writing: each batch updates the counts in its own transaction, and renews the claim.

    Rows that were written before a kill are found unchanged; they keep the outcome that they had then.
    """

    def __init__(self, brought: CourierList) -> None:
        self._key = brought.pk
        self._before = Counter({Outcome.CREATED: brought.created, Outcome.UPDATED: brought.updated})

    def __call__(self, batch: Batch) -> None:
        outcomes = batch.outcomes + self._before
        CourierList.objects.filter(pk=self._key).update(
            created=outcomes[Outcome.CREATED], updated=outcomes[Outcome.UPDATED], changed_at=clock.now()
        )

    def outcomes(self, counted: Counter[Outcome]) -> Counter[Outcome]:
        outcomes = counted + self._before
        outcomes[Outcome.UNCHANGED] = max(0, outcomes[Outcome.UNCHANGED] - self._before.total())
        return outcomes


def _opened(brought: CourierList) -> bytes:
    try:
        with default_storage.open(brought.file) as file:
            return sealing.opened_bytes(file.read(), column=FOLDER)
    except (FileNotFoundError, SealBroken) as error:  # restored from a backup, or keys changed meanwhile
        CourierList.objects.filter(pk=brought.pk).update(state=CourierList.State.DROPPED)
        raise FileUnreadable(_("It is not kept here any more. Bring the list again.")) from error


def drop(*, brought: CourierList, actor: User, at: datetime) -> CourierList:
    """Put a list aside; its file is deleted.   Raises: ListMovedOn, what `access.require` does."""
    with transaction.atomic():
        brought = _locked(brought, actor=actor)
        if brought.state != CourierList.State.PREVIEWED:
            raise ListMovedOn(state=brought.state)
        brought.state, brought.changed_at = CourierList.State.DROPPED, at
        brought.report, brought.decisions = {"sentence": brought.report.get("sentence", "")}, {}
        brought.save()
    _forget_file(brought)
    return brought


def is_interrupted(brought: CourierList) -> bool:
    """Whether its writing was begun and then stopped."""
    return brought.state == CourierList.State.WRITING and brought.changed_at < clock.now() - LEASE


def _locked(brought: CourierList, *, actor: User) -> CourierList:
    brought = CourierList.objects.select_for_update().get(pk=brought.pk)
    access.require(actor, *duties.AT_DESK, divisions=[str(brought.division_id)])
    return brought


def _forget_file(brought: CourierList) -> None:
    # Before the row says so: `purge` finds the row again, but a file without its row is found only by searching the folder.
    if brought.file:
        default_storage.delete(brought.file)
    brought.file = ""
    CourierList.objects.filter(pk=brought.pk).update(file="")


def purge(*, now: datetime, dry_run: bool = False) -> int:
    """Delete what was brought more than a day ago: the file and what was found in it. A list that nobody confirmed is put
    aside.

    Files that no row names are deleted too; they remain if the program is killed between the two steps. The worker's job.
    """
    past = CourierList.objects.filter(changed_at__lt=now - FILE_KEPT)
    with_file = past.exclude(file="")
    stray = _stray_files(now)
    if dry_run:
        return with_file.count() + len(stray)
    gone = len(stray)
    for key in list(with_file.values_list("pk", flat=True)):
        with transaction.atomic():
            brought = with_file.filter(pk=key).select_for_update(skip_locked=True).first()
            if brought is None:
                continue
            if brought.state != CourierList.State.DONE:
                brought.state, brought.decisions = CourierList.State.DROPPED, {}
                brought.save(update_fields=["state", "decisions"])
            _forget_file(brought)
            gone += 1
    for brought in past.filter(report__has_key="findings").only("report"):
        CourierList.objects.filter(pk=brought.pk).update(report={"sentence": brought.report.get("sentence", "")})
    for name in stray:
        default_storage.delete(name)
    return gone


def _stray_files(now: datetime) -> list[str]:
    try:
        names = [f"{FOLDER}/{name}" for name in default_storage.listdir(FOLDER)[1]]
    except FileNotFoundError:
        return []
    known = set(CourierList.objects.filter(file__in=names).values_list("file", flat=True))
    return [name for name in names if name not in known and default_storage.get_modified_time(name) < now - FILE_KEPT]
