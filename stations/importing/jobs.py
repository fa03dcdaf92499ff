"""Lists that staff bring in through the admin: checked, asked about, confirmed, and then written as they were shown.

A short list is written while its clerk waits, a longer one by the worker, in batches, each a transaction that includes
the job's own progress. So a worker that is killed loses at most the batch in hand, and whoever continues counts each
row once. What is written is compared with the preview batch by batch: if something has changed since, that batch and
whatever follows are not written but shown again. Locks: ImportJob, then as `import_stations`.
"""

import io
import logging
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit, clock
from core.errors import DomainError, NotFound
from core.models import User
from stations import access
from stations.importing.decisions import Decisions, answers_to, answers_without, fitting_answers
from stations.importing.errors import FileTooLarge, FileUnreadable
from stations.importing.findings import Finding, ImportReport, Outcome, Severity
from stations.importing.importing import import_stations
from stations.importing.plans import BatchPlan, Watch
from stations.importing.sheets import read_sheets
from stations.models import Duty, ImportJob

__all__ = [
    "INLINE_ROWS",
    "MAX_UPLOAD_BYTES",
    "ImportMovedOn",
    "PreviewOutdated",
    "answer",
    "bring",
    "confirm",
    "drop",
    "findings_of",
    "hand_back",
    "is_alike",
    "look_again",
    "purge",
    "report_of",
    "run_due",
    "take_back",
]

logger = logging.getLogger(__name__)

FOLDER = "imports"
MAX_UPLOAD_BYTES = 20 * 2**20
INLINE_ROWS = 500
ROWS_KEPT = 500  # of those that change something, for the page
FINDINGS_KEPT = 5_000
# Longer than any batch takes. The claim of a worker that was killed lasts no longer than this.
LEASE = timedelta(minutes=3)
MAX_ATTEMPTS = 5
FINISHED_KEPT = timedelta(days=7)
PREVIEWED_KEPT = timedelta(days=30)
_ALIKE = frozenset({"datum_missing", "position_outside_district"})
_JOBS_REMEMBERED = 20


class ImportMovedOn(DomainError):
    """Somebody else, or another page, has continued with the import."""

    code, status = "import_moved_on", 409
    title = gettext_lazy("This import is not waiting for that any more.")


class PreviewOutdated(DomainError):
    """What would be written is not what was shown."""

    code, status = "preview_outdated", 409
    title = gettext_lazy("Something has changed since the preview. Look at it again before you confirm.")


class _ClaimLost(Exception):
    """Another worker has taken over the job, or somebody has put it aside."""


# ── Bringing a list ─────────────────────────────────────────────────────────────────────────────────────────────────


def bring(*, file: BinaryIO, source: str, division: str, actor: User, at: datetime) -> ImportJob:
    """Keep the list and check it; a long one is left to the worker.

    Raises: FileUnreadable and its kinds; what `access.require` does.
    """
    access.require(actor, Duty.MANAGE, divisions=[division])
    data = file.read(MAX_UPLOAD_BYTES + 1)
    if len(data) > MAX_UPLOAD_BYTES:
        limit = MAX_UPLOAD_BYTES // 2**20
        raise FileTooLarge(_("It has more than {limit} MB. Delete pictures, or split the list.").format(limit=limit))
    rows = sum(sheet.row_count for sheet in read_sheets(io.BytesIO(data)))
    # A name that reveals nothing: only the program reads the file, and no URL leads to it.
    name = default_storage.save(f"{FOLDER}/{secrets.token_hex(16)}", ContentFile(data))
    try:
        with transaction.atomic():
            job = ImportJob.objects.create(
                made_by=actor, acting=actor, made_at=at, changed_at=at, division_id=division, source=source[-200:],
                file=name, language=translation.get_language() or "", state=ImportJob.State.READING, rows_total=rows,
                decisions=_remembered(division),
            )  # fmt: skip
            if rows <= INLINE_ROWS:
                _look_through(job, at=at)
    except BaseException:
        default_storage.delete(name)
        raise
    return job


def _remembered(division: str) -> dict[str, str]:
    """What this office has answered about words for amenities. The city's answers are learnt for all (decisions.py)."""
    answers: dict[str, str] = {}
    done = ImportJob.objects.filter(division_id=division, state=ImportJob.State.DONE).order_by("-id")
    for decisions in reversed(done.values_list("decisions", flat=True)[:_JOBS_REMEMBERED]):
        answers |= {subject: said for subject, said in decisions.items() if said and subject.startswith("amenity:")}
    return answers


# ── Checking ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Preview:
    """Watches a dry run."""

    def __init__(self) -> None:
        self.digests: list[str] = []
        self.rows: list[dict[str, Any]] = []

    def __call__(self, batch: BatchPlan) -> None:
        self.digests.append(batch.digest)
        for row in batch.rows:
            if len(self.rows) < ROWS_KEPT and row.outcome in (Outcome.CREATED, Outcome.UPDATED):
                self.rows.append(row.as_json())


def _look_through(job: ImportJob, *, at: datetime, claim: "_Claim | None" = None) -> None:
    """Work out what the list would do now, and keep the result."""
    preview = _Preview()
    report = _run(job, at=at, dry_run=True, watch=_both(preview, claim))
    kept = _kept(report) | {"rows": preview.rows}
    if earlier := job.report.get("outdated"):
        kept["since"] = {
            "rows": [] if earlier["written"] else _differences(earlier["rows"], kept["rows"]),
            "sentence": earlier["sentence"],
            "written": earlier["written"],
        }
    _count(job, report.outcomes)
    job.rows_total = job.rows_done
    job.report, job.digests = kept, preview.digests
    job.state, job.revision = ImportJob.State.PREVIEWED, job.revision + 1
    job.finished_at, job.claimed_until, job.changed_at, job.attempts = None, None, at, 0
    _save(job, claim)


def _both(*watches: Watch | None) -> Watch:
    def watch(batch: BatchPlan) -> None:
        for each in watches:
            if each is not None:
                each(batch)

    return watch


def _run(job: ImportJob, *, at: datetime, dry_run: bool, watch: Watch) -> ImportReport:
    try:
        with default_storage.open(job.file) as file:
            data = file.read()
    except FileNotFoundError as error:  # the row was restored from a backup without its files
        raise FileUnreadable(_("It is not kept here any more. Bring the list again.")) from error
    with translation.override(job.language or None):
        return import_stations(
            io.BytesIO(data),
            source=job.source,
            actor=job.acting,
            at=at,
            division=str(job.division_id),
            dry_run=dry_run,
            decisions=Decisions(job.decisions),
            watch=watch,
        )


def _kept(report: ImportReport) -> dict[str, Any]:
    """What the job keeps of a report."""
    findings = report.findings[:FINDINGS_KEPT]
    return {
        "sentence": report.sentence,
        "notes": report.notes[:50],
        "findings": [finding.as_json() for finding in findings],
        "findings_not_kept": report.findings_not_kept + len(report.findings) - len(findings),
        "in_doubt": len(report.rows(Severity.DOUBT)),
    }


def findings_of(job: ImportJob) -> list[Finding]:
    """What was found in the list, the worst first."""
    found = [
        Finding(
            **each
            | {
                "severity": Severity(each["severity"]),
                "choices": tuple((choice["answer"], choice["label"]) for choice in each["choices"]),
            }
        )
        for each in job.report.get("findings", [])
    ]
    order = [Severity.DOUBT, Severity.REFUSAL, Severity.NOTICE]
    return sorted(found, key=lambda finding: order.index(finding.severity))


def report_of(job: ImportJob) -> ImportReport:
    """The report as far as the job keeps it, for the result file."""
    report = ImportReport(is_dry_run=job.state != ImportJob.State.DONE)
    report.outcomes = Counter(
        {
            Outcome.CREATED: job.created,
            Outcome.UPDATED: job.updated,
            Outcome.UNCHANGED: job.unchanged,
            Outcome.REFUSED: job.refused,
        }
    )
    report.findings = findings_of(job)
    report.findings_not_kept = job.report.get("findings_not_kept", 0)
    report.notes = list(job.report.get("notes", []))
    return report


def _differences(shown: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[list[Any]]:
    """The rows, as (sheet, number), whose plan differs now."""
    before, after = ({(row["sheet"], row["row"]): row for row in each} for each in (shown, rows))
    places = [place for place in {**before, **after} if before.get(place) != after.get(place)]
    return [list(place) for place in sorted(places)][:50]


# ── Answering ───────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def answer(*, job: ImportJob, subject: str, said: str, alike: bool = False, actor: User, at: datetime) -> ImportJob:
    """Settle a doubt, and check the list again; "" leaves it out for now. With `alike`, all others of its kind too.

    A long list is checked when everything is answered (`look_again`).
    Raises: ImportMovedOn, InvalidValue for a doubt that is not asked about; what `access.require` does.
    """
    job = _to_settle(job, actor=actor)
    job.decisions |= answers_to(findings_of(job), subject=subject, said=said, alike=_ALIKE if alike else frozenset())
    return _answered(job, actor=actor, at=at)


@transaction.atomic
def take_back(*, job: ImportJob, subject: str, actor: User, at: datetime) -> ImportJob:
    """Ask again what was answered.   Raises: as `answer`."""
    job = _to_settle(job, actor=actor)
    job.decisions = answers_without(job.decisions, subject=subject)
    return _answered(job, actor=actor, at=at)


@transaction.atomic
def hand_back(*, job: ImportJob, file: BinaryIO, actor: User, at: datetime) -> tuple[ImportJob, int]:
    """Read the answers from a completed result file; also return how many matched a question of this list.

    Raises: FileUnreadable and its kinds; as `answer`.
    """
    job = _to_settle(job, actor=actor)
    fitting = fitting_answers(findings_of(job), file)
    if fitting:
        job.decisions |= fitting
        job = _answered(job, actor=actor, at=at)
    return job, len(fitting)


@transaction.atomic
def look_again(*, job: ImportJob, actor: User, at: datetime) -> ImportJob:
    """Check the list once more: with the answers given since, to settle what an import left out, or to go on where one failed,
    such as that of a colleague whose role had ended.

    Raises: as `answer`.
    """
    job = _to_settle(job, actor=actor, also=ImportJob.State.FAILED)
    job.acting, job.reason = actor, ""
    _look_through_soon(job, at=at)
    return job


def is_alike(finding: Finding) -> bool:
    """Whether others of its kind can be given the same answer: the datum, which is given for a whole list at once."""
    return finding.code in _ALIKE


def _to_settle(job: ImportJob, *, actor: User, also: str = "") -> ImportJob:
    """The job, locked, with its file and a preview whose doubts can be answered; a finished job is reopened."""
    job = _locked(job, actor=actor)
    if job.state not in (ImportJob.State.PREVIEWED, ImportJob.State.DONE, also) or not job.file:
        raise ImportMovedOn(state=job.state)
    return job


def _locked(job: ImportJob, *, actor: User) -> ImportJob:
    job = ImportJob.objects.select_for_update().get(pk=job.pk)
    access.require(actor, Duty.MANAGE, divisions=[str(job.division_id)])
    return job


def _answered(job: ImportJob, *, actor: User, at: datetime) -> ImportJob:
    job.acting, job.changed_at = actor, at
    if job.rows_total <= INLINE_ROWS or job.state == ImportJob.State.DONE:
        _look_through_soon(job, at=at)
    else:
        job.report["answers_waiting"] = True
        job.save()
    return job


def _look_through_soon(job: ImportJob, *, at: datetime) -> None:
    """Check it now, or as soon as the worker gets to it."""
    job.report.pop("outdated", None)
    if job.rows_total <= INLINE_ROWS:
        _look_through(job, at=at)
        return
    _count(job, Counter())
    job.state, job.finished_at, job.changed_at, job.attempts = ImportJob.State.READING, None, at, 0
    job.save()


@transaction.atomic
def drop(*, job: ImportJob, actor: User, at: datetime) -> ImportJob:
    """Put aside whatever has not been written of a list.   Raises: ImportMovedOn, what `access.require` does."""
    job = _locked(job, actor=actor)
    if job.state not in (ImportJob.State.PREVIEWED, ImportJob.State.READING):
        raise ImportMovedOn(state=job.state)
    job.state, job.finished_at, job.changed_at = ImportJob.State.DROPPED, at, at
    job.claimed_until, job.acting = None, actor
    job.save()
    return job


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def confirm(*, job: ImportJob, revision: int, actor: User, at: datetime) -> ImportJob:
    """Write what preview number `revision` has shown, and nothing else; a long list is left to the worker.

    Rows in doubt are left out. If two confirm, only one writes.
    Raises: ImportMovedOn; PreviewOutdated, after the list was checked again; what `access.require` does.
    """
    try:
        with transaction.atomic():
            job = _locked(job, actor=actor)
            if job.state != ImportJob.State.PREVIEWED:
                raise ImportMovedOn(state=job.state)
            if job.revision != revision or job.report.get("answers_waiting"):
                raise PreviewOutdated(revision=job.revision)
            job.acting, job.runs, job.changed_at = actor, [*job.runs, at], at
            job.state, job.attempts = ImportJob.State.WRITING, 0
            _count(job, Counter())
            job.save()
            if job.rows_total <= INLINE_ROWS:
                _write(job, at=at)
            return job
    except _Changed:
        with transaction.atomic():
            job = _locked(job, actor=actor)
            if job.state == ImportJob.State.PREVIEWED:
                _outdate(job, written=0)
                job.acting = actor
                _look_through(job, at=at)
        raise PreviewOutdated(revision=job.revision) from None


class _Changed(Exception):
    """A batch would write something other than the preview showed."""


class _Writing:
    """Watches the writing: each batch must be the one that was shown, and counts what is written.

    Rows that an earlier worker wrote are found unchanged; they keep the outcome that they had then.
    """

    def __init__(self, job: ImportJob) -> None:
        self._digests = iter(list(job.digests))
        self._rows_before = job.rows_done
        self._before = _counted(job)
        self._correction: Counter[Outcome] = Counter()

    def __call__(self, batch: BatchPlan) -> None:
        digest = next(self._digests, "")
        if batch.rows_done <= self._rows_before:
            self._correction = self._before.copy()
            self._correction.subtract(batch.outcomes)
        elif batch.digest != digest:
            raise _Changed

    def outcomes(self, counted: Counter[Outcome]) -> Counter[Outcome]:
        """What became of the rows over all workers."""
        outcomes = counted.copy()
        outcomes.update(self._correction)
        return outcomes


def _write(job: ImportJob, *, at: datetime, claim: "_Claim | None" = None) -> None:
    """Write the list and record the result."""
    writing = _Writing(job)
    if claim is not None:
        claim.writing = writing
    report = _run(job, at=job.runs[-1], dry_run=False, watch=_both(writing, claim))
    report.outcomes = writing.outcomes(report.outcomes)
    with transaction.atomic():
        _count(job, report.outcomes)
        job.rows_total = job.rows_done
        job.report, job.digests = _kept(report), []
        job.state, job.finished_at, job.changed_at, job.claimed_until = ImportJob.State.DONE, at, at, None
        _save(job, claim)
        _audit(job)


def _audit(job: ImportJob) -> None:
    """One event for everything that this run has written."""
    counts = {str(outcome): getattr(job, outcome) for outcome in Outcome}
    audit.record(
        "stations.imported",
        subject=("division", str(job.division_id)),
        actor=job.acting,
        at=job.runs[-1],
        data={"source": job.source, **counts},
    )


def _outdate(job: ImportJob, *, written: int) -> None:
    """Remember what was shown, and how many rows of it were written, so that the next preview can say what differs."""
    shown = {"rows": job.report.get("rows", []), "sentence": job.report.get("sentence", ""), "written": written}
    job.report = {"outdated": shown}


def _counted(job: ImportJob) -> Counter[Outcome]:
    return Counter({outcome: getattr(job, outcome) for outcome in Outcome})


def _count(job: ImportJob, outcomes: Counter[Outcome]) -> None:
    for outcome in Outcome:
        setattr(job, outcome, outcomes[outcome])
    job.rows_done = outcomes.total()


# ── The worker ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Claim:
    """A worker's claim to a job. Renewed with each batch, in its transaction: a worker that has lost it writes no more."""

    def __init__(self, job: ImportJob) -> None:
        self._job = job
        self._state = job.state
        self._until = job.claimed_until
        self.writing: _Writing | None = None

    def __call__(self, batch: BatchPlan) -> None:
        # The claim goes by the wall clock, whatever moment the stations are written under.
        until = clock.now() + LEASE
        news: dict[str, Any] = {"claimed_until": until}
        if batch.rows_done >= self._job.rows_done:
            outcomes = batch.outcomes if self.writing is None else self.writing.outcomes(batch.outcomes)
            _count(self._job, outcomes)
            news |= {str(outcome): outcomes[outcome] for outcome in Outcome}
            news |= {"rows_done": batch.rows_done, "rows_total": Greatest("rows_total", batch.rows_done)}
        self.update(**news)
        self._until = until

    def update(self, **news: Any) -> None:
        """Change the row, if the claim still holds.   Raises: _ClaimLost."""
        held = ImportJob.objects.filter(pk=self._job.pk, state=self._state, claimed_until=self._until)
        if not held.update(**news):
            raise _ClaimLost


def _save(job: ImportJob, claim: _Claim | None) -> None:
    if claim is None:
        job.save()
    else:
        columns = (field.attname for field in ImportJob._meta.concrete_fields if not field.primary_key)
        claim.update(**{column: getattr(job, column) for column in columns})


def run_due(*, now: datetime) -> int:
    """Continue with the next list that is left to the worker; return how many there were. The worker's job.

    A job whose worker died is taken over when its claim has expired.
    """
    job = _claimed(now)
    if job is None:
        return 0
    claim = _Claim(job)
    try:
        if job.state == ImportJob.State.READING:
            _look_through(job, at=now, claim=claim)
        else:
            _write(job, at=now, claim=claim)
    except _ClaimLost:
        logger.info("import %s was taken over or put aside", job.pk)
    except _Changed:
        with transaction.atomic():
            if job.rows_done:
                _audit(job)
            _outdate(job, written=job.rows_done)
            _count(job, Counter())
            job.state, job.claimed_until, job.attempts = ImportJob.State.READING, None, 0
            _save(job, claim)
    except (NotFound, access.DutyMissing):
        _fail(job, claim, _("{account} may not write here any more.").format(account=job.acting.get_username()), at=now)
    except DomainError as refusal:
        _fail(job, claim, str(refusal), at=now)
    return 1


def _claimed(now: datetime) -> ImportJob | None:
    """The oldest unclaimed job, claimed from now on.   Locks: ImportJob; rows that another worker has locked are skipped."""
    with transaction.atomic():
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
        job = ImportJob.objects.waiting().filter(free).order_by("id").select_for_update(skip_locked=True).first()
        if job is None:
            return None
        if job.state == ImportJob.State.READING:
            _count(job, Counter())
        job.claimed_until, job.attempts = now + LEASE, job.attempts + 1
        if job.attempts > MAX_ATTEMPTS:
            reason = _("It was begun {times} times and never came to its end.").format(times=MAX_ATTEMPTS)
            _fail(job, None, reason, at=now)
            return None
        job.save()
        return job


@transaction.atomic
def _fail(job: ImportJob, claim: _Claim | None, reason: str, *, at: datetime) -> None:
    if job.state == ImportJob.State.WRITING and job.rows_done:
        _audit(job)  # whoever goes on with the list begins to count anew
    job.state, job.reason, job.finished_at, job.changed_at = ImportJob.State.FAILED, reason[:500], at, at
    job.claimed_until = None
    _save(job, claim)


def purge(*, now: datetime, dry_run: bool = False) -> int:
    """Delete the files of imports that were finished a week ago, and return how many; put aside what nobody confirmed for a
    month.

    The cells that the report quotes are deleted with the file; what was done stays in the trail. The worker's job.
    """
    finished = ImportJob.objects.filter(finished_at__lt=now - FINISHED_KEPT).exclude(file="")
    if dry_run:
        return finished.count()
    for job in _lapsed(ImportJob.objects.filter(state=ImportJob.State.PREVIEWED, changed_at__lt=now - PREVIEWED_KEPT)):
        job.state, job.finished_at = ImportJob.State.DROPPED, now
        job.save(update_fields=["state", "finished_at"])
    count = 0
    for job in _lapsed(finished):
        name, job.file = job.file, ""
        job.report = {"sentence": job.report.get("sentence", "")}
        job.save(update_fields=["file", "report"])
        # Before the row says so for good: the row is found again next time, a file without its row never is.
        default_storage.delete(name)
        count += 1
    return count


def _lapsed(jobs: QuerySet[ImportJob]) -> Iterator[ImportJob]:
    """Each of `jobs`, locked in a transaction of its own."""
    for key in list(jobs.values_list("pk", flat=True)):
        with transaction.atomic():
            job = jobs.filter(pk=key).select_for_update(skip_locked=True).first()
            if job is not None:
                yield job
