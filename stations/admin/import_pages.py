"""Bringing in a list: the file, the preview, the doubts one by one, the confirmation, and what came of it."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import XLSX, attachment, described_changes
from core.errors import DomainError
from core.models import AuditEvent
from core.typed import row_number
from stations import access
from stations.access import Scope
from stations.admin.questions import Offers, Place, beside, given, questions, settle
from stations.admin.scoped import ScopedAdmin, signed_in
from stations.admin.trail_words import in_words
from stations.importing import FileUnreadable, Severity, jobs, result_xlsx, template_xlsx
from stations.importing.findings import row_words
from stations.importing.jobs import ImportMovedOn, PreviewOutdated
from stations.models import Division, Duty, ImportJob, Station

__all__ = ["ImportFilter", "urls"]

JOBS_SHOWN = 20
ROWS_SHOWN = 50
QUESTIONS_SHOWN = 10
REFUSALS_SHOWN = 50


class UploadForm(forms.Form):
    """The file, and the part of the town that it may change."""

    file = forms.FileField(
        label=_("list"),
        help_text=_("xlsx, xls, ods or csv, up to 20 MB, as your office keeps it"),
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv"}),
    )
    division = forms.ChoiceField(
        label=_("division"),
        help_text=_("Rows without a district are taken for it; rows that lie elsewhere are refused."),
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["division"]
        field.choices = _division_choices(scope)


def _division_choices(scope: Scope) -> list[tuple[str, str]]:
    """The nodes that the account manages; an account of the city may also choose one district."""
    if not scope.is_city:
        return [(node.code, node.label) for node in scope.outermost()]
    return [
        (node.code, node.label) for node in Division.objects.filter(level__in=["city", "district"]).order_by("code")
    ]


class ImportFilter(admin.SimpleListFilter):
    """Not shown: the page of an import uses it to link to the stations that it has registered."""

    title = _("import")
    parameter_name = "import"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        job = self._job(request, request.GET.get(self.parameter_name, ""))
        return [(str(job.pk), job.source)] if job is not None else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Station]) -> QuerySet[Station]:
        job = self._job(request, self.value() or "")
        if job is None:
            return queryset
        return queryset.filter(division__code__startswith=job.division_id, created_at__in=job.runs)

    @staticmethod
    def _job(request: HttpRequest, key: str) -> ImportJob | None:
        number = row_number(key)
        in_scope = _jobs(access.scope_of(request.user, Duty.MANAGE))
        return None if number is None else in_scope.filter(pk=number).first()


def _jobs(scope: Scope) -> QuerySet[ImportJob]:
    """The imports into divisions that lie in `scope`."""
    return ImportJob.objects.filter(division__in=scope.divisions())


def urls(options: ScopedAdmin) -> list[Any]:
    """The URLs below that of the list of stations."""

    def page(view: Any) -> Any:
        def answered(request: HttpRequest, **found: Any) -> HttpResponseBase:
            if not options.has_add_permission(request):
                raise PermissionDenied
            answer: HttpResponseBase = view(options, request, **found)
            return answer

        return options.admin_site.admin_view(answered)

    return [
        path("import/", page(_upload), name="stations_station_import"),
        path("import/template/", page(_template), name="stations_station_import_template"),
        path("import/<int:job_id>/", page(_job_page), name="stations_station_import_job"),
        path("import/<int:job_id>/result/", page(_result), name="stations_station_import_result"),
    ]


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _upload(options: ScopedAdmin, request: HttpRequest) -> HttpResponse:
    scope = options.scope(request, Duty.MANAGE)
    form = UploadForm(request.POST or None, request.FILES or None, scope=scope)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            job = jobs.bring(
                file=upload,
                source=upload.name,
                division=form.cleaned_data["division"],
                actor=signed_in(request),
                at=clock.now(),
            )
        except FileUnreadable as refusal:
            form.add_error("file", str(refusal))
        else:
            return HttpResponseRedirect(_address(job))
    context = {
        **_context(options, request, gettext("Import a list")),
        "form": form,
        "divisions": form.fields["division"].choices,  # type: ignore[attr-defined]  # of a ChoiceField
        "jobs": _jobs(scope).select_related("made_by", "division").defer("report", "digests", "decisions")[:JOBS_SHOWN],
    }
    return TemplateResponse(request, "admin/stations/import/upload.html", context)


def _template(options: ScopedAdmin, request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001
    return attachment(template_xlsx(), name="stations-template.xlsx", content_type=XLSX)


# ── One import ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _found(options: ScopedAdmin, request: HttpRequest, job_id: int) -> ImportJob:
    in_scope = _jobs(options.scope(request, Duty.MANAGE)).select_related("division", "made_by", "acting")
    job = in_scope.filter(pk=job_id).first() if job_id < 2**63 else None
    if job is None:
        raise Http404
    return job


def _result(options: ScopedAdmin, request: HttpRequest, job_id: int) -> HttpResponseBase:
    job = _found(options, request, job_id)
    if "findings" not in job.report:
        raise Http404
    stem = job.source.rpartition(".")[0] or job.source
    name = gettext("{name}.result.xlsx").format(name=stem)
    return attachment(result_xlsx(jobs.report_of(job)), name=name, content_type=XLSX)


def _job_page(options: ScopedAdmin, request: HttpRequest, job_id: int) -> HttpResponse:
    job = _found(options, request, job_id)
    if request.method == "POST":
        try:
            place = _done(options, request, job)
        except (ImportMovedOn, PreviewOutdated) as refusal:
            options.message_user(request, str(refusal), messages.WARNING)
            place = ""
        except DomainError as refusal:
            options.message_user(request, str(refusal.detail or refusal.title), messages.ERROR)
            place = "#questions"
        return HttpResponseRedirect(_address(job) + place)
    return TemplateResponse(request, "admin/stations/import/job.html", _job_context(options, request, job))


def _done(options: ScopedAdmin, request: HttpRequest, job: ImportJob) -> str:
    """Do what the button says; return the part of the page to go to."""
    by, at, asked = signed_in(request), clock.now(), request.POST
    match asked.get("do", ""):
        case "confirm":
            jobs.confirm(job=job, revision=_number(asked.get("revision", "")), actor=by, at=at)
        case "drop":
            jobs.drop(job=job, actor=by, at=at)
        case _:
            if not settle(options, request, jobs, job=job):
                raise Http404
            return "#questions"
    return ""


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else -1


def _address(job: ImportJob) -> str:
    return reverse("admin:stations_station_import_job", args=[job.pk])


def _context(options: ScopedAdmin, request: HttpRequest, title: str) -> dict[str, Any]:
    return {
        **options.admin_site.each_context(request),
        "title": title,
        "opts": options.opts,
        "media": options.media,
        "back": reverse("admin:stations_station_changelist"),
        "import_list": reverse("admin:stations_station_import"),
    }


# ── What the page shows ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class NewRow:
    """A station that is new, in the words of a list."""

    place: str
    name: str
    division: str
    address: str
    has_position: bool
    tier: str
    hours: str
    amenities: str


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A station that the list changes, and how."""

    place: str
    name: str
    code: str
    changes: SafeString


def _job_context(options: ScopedAdmin, request: HttpRequest, job: ImportJob) -> dict[str, Any]:
    scope = options.scope(request, Duty.MANAGE)
    context = {**_context(options, request, job.source), "job": job, "sentence": job.report.get("sentence", "")}
    if job.is_for_worker:
        percent = 100 * job.rows_done // job.rows_total if job.rows_total else 0
        return context | {"percent": min(percent, 100), "is_waiting": job.claimed_until is None}
    found = jobs.findings_of(job)
    rows: list[dict[str, Any]] = job.report.get("rows", [])
    sheets = {finding.sheet for finding in found} | {row["sheet"] for row in rows}

    def place(sheet: str, row: int) -> str:
        """The sheet is named if there are several."""
        return row_words(sheet if len(sheets) > 1 else "", row)

    waiting = job.report.get("answers_waiting", False)
    asked = questions(found, job.decisions, is_waiting=waiting, place=place, offer=Offers(job, scope).add_to)
    doubts = [question for question in asked if question.is_doubt and not question.is_left_out]
    checks = [question for question in asked if not question.is_doubt and not question.is_left_out]
    also = beside(found)
    refusals = [
        (place(each.sheet, each.row), each, also.get((each.sheet, each.row), []))
        for each in found
        if each.severity is Severity.REFUSAL
    ]
    since = job.report.get("since")
    in_doubt = job.report.get("in_doubt", 0)
    listed = f"{reverse('admin:stations_station_changelist')}?import={job.pk}"
    return context | {
        "in_doubt": in_doubt,
        "refused_only": max(0, job.refused - in_doubt),
        "notes": job.report.get("notes", []),
        "doubts": doubts[:QUESTIONS_SHOWN],
        "doubts_more": max(0, len(doubts) - QUESTIONS_SHOWN),
        "checks": checks[:QUESTIONS_SHOWN],
        "checks_more": max(0, len(checks) - QUESTIONS_SHOWN),
        "left_out": [question for question in asked if question.is_left_out],
        "given": given(job.decisions) if job.state == ImportJob.State.PREVIEWED else [],
        "refusals": refusals[:REFUSALS_SHOWN],
        "refusals_more": max(0, len(refusals) - REFUSALS_SHOWN),
        "not_kept": job.report.get("findings_not_kept", 0),
        "new_rows": _new_rows([row for row in rows if row["outcome"] == "created"][:ROWS_SHOWN], place),
        "new_more": max(0, job.created - ROWS_SHOWN),
        "changed_rows": _changed_rows([row for row in rows if row["outcome"] == "updated"][:ROWS_SHOWN], place),
        "changed_more": max(0, job.updated - ROWS_SHOWN),
        "since": since and since | {"places": [place(*each) for each in since["rows"]]},
        "will_write": gettext(", ").join(
            words.format(count=count)
            for count, words in ((job.created, gettext("new {count}")), (job.updated, gettext("changed {count}")))
            if count
        ),
        "writes": bool(job.created or job.updated),
        "answers_waiting": waiting,
        "has_result": bool(found),
        "result": reverse("admin:stations_station_import_result", args=[job.pk]),
        "drafts": f"{listed}&status__exact=draft",
        "listed": listed,
        "registered": Station.objects.filter(
            scope.of_station(), division__code__startswith=job.division_id, created_at__in=job.runs
        ).exists(),
    }


def _after(row: dict[str, Any], fact: str) -> Any:
    return row["changed"].get(fact, (None, None))[1]


def _new_rows(rows: list[dict[str, Any]], place: Place) -> list[NewRow]:
    words = in_words(
        {("division", _after(row, "division")) for row in rows if _after(row, "division")}
        | {("amenities", code) for row in rows for code in _after(row, "amenities") or []}
    )
    return [
        NewRow(
            place=place(row["sheet"], row["row"]),
            name=row["name"],
            division=" ".join(
                filter(None, (words.get(("division", _after(row, "division"))), _after(row, "neighbourhood")))
            ),
            address=" ".join(filter(None, (_after(row, "address"), _after(row, "floor")))) or "—",
            has_position=_after(row, "latitude") is not None,
            tier=str(Station.Tier(_after(row, "tier")).label) if _after(row, "tier") else "—",
            hours=_after(row, "hours") or _after(row, "hours_text") or gettext("not registered"),
            amenities=gettext(", ").join(
                words.get(("amenities", code), code) for code in _after(row, "amenities") or []
            )
            or "—",
        )
        for row in rows
    ]


def _changed_rows(rows: list[dict[str, Any]], place: Place) -> list[ChangedRow]:
    # The preview says the same as the trail will.
    events = [
        AuditEvent(
            kind="station.changed",
            data={
                "changed": {fact: {"before": both[0], "after": both[1]} for fact, both in row["changed"].items()},
            },
        )
        for row in rows
    ]
    return [
        ChangedRow(place(row["sheet"], row["row"]), row["name"], row["code"], changes)
        for row, changes in zip(rows, described_changes(events), strict=True)
    ]
